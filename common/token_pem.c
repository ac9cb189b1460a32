/* Keys from PEM text (RFC 7468): one after the other, with words for what is none. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "common/token_internal.h"

/* A block between -----BEGIN name----- and -----END name-----. */
struct block {
    char *name, *header;
    unsigned char *bytes;
    long len;
};

static void free_block(struct block *block)
{
    OPENSSL_free(block->name);
    OPENSSL_free(block->header);
    OPENSSL_clear_free(block->bytes, (size_t)block->len);
}

/* Reads the next block, and moves *at behind it. */
static bool read_block(const char **at, struct block *block)
{
    BIO *bio = BIO_new_mem_buf(*at, -1);
    if (bio == NULL)
        abort(); /* out of memory */
    *block = (struct block){0};
    bool is_read = PEM_read_bio(bio, &block->name, &block->header, &block->bytes, &block->len) == 1;
    *at += strlen(*at) - BIO_ctrl_pending(bio);
    BIO_free(bio);
    ERR_clear_error();
    return is_read;
}

static bool is_encrypted(const struct block *block)
{
    return strcmp(block->name, PEM_STRING_PKCS8) == 0 || strstr(block->header, "ENCRYPTED") != NULL;
}

/* The key of a block; NULL if it holds none that is whole. */
static EVP_PKEY *decode(const struct block *block, bool *is_private)
{
    const unsigned char *bytes = block->bytes;
    *is_private = strcmp(block->name, PEM_STRING_PUBLIC) != 0;
    EVP_PKEY *pkey = *is_private ? d2i_AutoPrivateKey(NULL, &bytes, block->len) : d2i_PUBKEY(NULL, &bytes, block->len);
    bool is_whole = pkey != NULL && bytes == block->bytes + block->len;
    ERR_clear_error();
    if (is_whole)
        return pkey;
    EVP_PKEY_free(pkey);
    return NULL;
}

static bool holds_key(const char *name)
{
    size_t len = strlen(name), suffix_len = strlen("PRIVATE KEY");
    return strcmp(name, PEM_STRING_PUBLIC) == 0 ||
           (len >= suffix_len && strcmp(name + len - suffix_len, "PRIVATE KEY") == 0);
}

static const char *take_key(const struct block *block, struct token_pem *pem)
{
    if (is_encrypted(block))
        return "is encrypted: take the password off with openssl pkey, and protect the file";
    if (!holds_key(block->name))
        return "holds something that is no key (its PEM says neither PRIVATE KEY nor PUBLIC KEY)";
    pem->pkey = decode(block, &pem->is_private);
    return pem->pkey != NULL ? NULL : "holds a key that cannot be read: its PEM is damaged";
}

/* Whether only white space is left. */
static bool is_at_end(const char *at)
{
    return at[strspn(at, " \t\r\n")] == '\0';
}

bool token_pem_next(struct token_pem *pem, const char **mistake)
{
    struct block block;
    *mistake = NULL;
    pem->pkey = NULL;
    while (pem->pkey == NULL && *mistake == NULL && !is_at_end(pem->at)) {
        if (!read_block(&pem->at, &block))
            *mistake = "is no PEM: -----BEGIN PRIVATE KEY----- and so on";
        else if (strcmp(block.name, PEM_STRING_ECPARAMETERS) !=
                 0) /* openssl ecparam -genkey puts them before the key */
            *mistake = take_key(&block, pem);
        free_block(&block);
    }
    return pem->pkey != NULL;
}
