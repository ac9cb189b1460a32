// Tokens signed and verified by npm's jose and jsonwebtoken. Reads a JSON array of jobs from standard input and prints an
// array of their results:
//   {"do": "sign", "with": library, "alg", "key", "header", "payload"}     → {"token"}
//   {"do": "verify", "with": library, "alg", "key" or "jwks", "token"}    → {"header", "payload"}
// key is a PEM, or the secret of an HMAC; jwks is the URL of a key set. A job that the library refuses → {"refused": why}.
'use strict';
const { createPrivateKey, createPublicKey, createSecretKey } = require('node:crypto');
const jose = require('jose');
const jsonwebtoken = require('jsonwebtoken');

const is_secret = job => job.alg.startsWith('HS');
const secret_of = job => createSecretKey(Buffer.from(job.key));
const signing_key = job => (is_secret(job) ? secret_of(job) : createPrivateKey(job.key));
const verifying_key = job => (is_secret(job) ? secret_of(job) : createPublicKey(job.key));

const libraries = {
  jose: {
    async sign(job) {
      if (job.alg === 'none') return new jose.UnsecuredJWT(job.payload).encode();
      const crit = Object.fromEntries((job.header.crit ?? []).map(name => [name, true]));
      const token = new jose.CompactSign(Buffer.from(JSON.stringify(job.payload)));
      return token.setProtectedHeader({ ...job.header, alg: job.alg }).sign(signing_key(job), { crit });
    },
    async verify(job) {
      const key = job.jwks ? jose.createRemoteJWKSet(new URL(job.jwks)) : verifying_key(job);
      const { protectedHeader, payload } = await jose.jwtVerify(job.token, key, { algorithms: [job.alg] });
      return { header: protectedHeader, payload };
    },
  },
  jsonwebtoken: {
    async sign(job) {
      const key = job.alg === 'none' ? null : signing_key(job);
      return jsonwebtoken.sign(job.payload, key, { algorithm: job.alg, header: job.header });
    },
    async verify(job) {
      const { header, payload } = jsonwebtoken.verify(job.token, verifying_key(job), {
        algorithms: [job.alg],
        complete: true,
      });
      return { header, payload };
    },
  },
};

async function run(job) {
  const library = libraries[job.with];
  try {
    return job.do === 'sign' ? { token: await library.sign(job) } : await library.verify(job);
  } catch (error) {
    return { refused: String(error) };
  }
}

async function main() {
  let input = '';
  for await (const piece of process.stdin) input += piece;
  const results = [];
  for (const job of JSON.parse(input)) results.push(await run(job));
  process.stdout.write(JSON.stringify(results));
}

main();
