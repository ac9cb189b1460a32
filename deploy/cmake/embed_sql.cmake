# Embeds FOLDER/sql/*.sql into OUT/sql.c and OUT/sql.h: one `const struct statement PREFIX_NAME` a file, and the array of
# all. Run as a script: cmake -D FOLDER=services/room -D PREFIX=sql -D OUT=dir -D "FILES=a.sql;b.sql" -P embed_sql.cmake
string(TOUPPER ${PREFIX}_COUNT COUNT)
set(declarations "")
set(definitions "")
set(all "")
set(count 0)
foreach(file IN LISTS FILES)
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} text)
    if(NOT text MATCHES "^-- (read|write): [^\n]+\n")
        message(FATAL_ERROR "${file}: the first line must say what it answers: \"-- read: …\" or \"-- write: …\"")
    endif()
    if(CMAKE_MATCH_1 STREQUAL "write")
        set(writes true)
    else()
        set(writes false)
    endif()
    set(parameters 0)
    string(REGEX REPLACE "--[^\n]*" "" code "${text}") # a comment may name a parameter that is not there
    string(REGEX MATCHALL "\\$[0-9]+" used "${code}")
    foreach(parameter IN LISTS used)
        string(SUBSTRING ${parameter} 1 -1 number)
        if(number GREATER parameters)
            set(parameters ${number})
        endif()
    endforeach()
    string(REPLACE "\\" "\\\\" text "${text}")
    string(REPLACE "\"" "\\\"" text "${text}")
    string(REPLACE "\n" "\\n\"\n    \"" text "${text}")
    string(APPEND declarations "extern const struct statement ${PREFIX}_${name};\n")
    string(APPEND definitions "const struct statement ${PREFIX}_${name} = {\n    \"${name}\",\n    \"${text}\",\n    ${writes}, ${parameters}};\n\n")
    string(APPEND all "    &${PREFIX}_${name},\n")
    math(EXPR count "${count} + 1")
endforeach()
file(WRITE ${OUT}/sql.h
"/* Generated from the statements in ${FOLDER}/sql by deploy/cmake/embed_sql.cmake. */
#pragma once
#include \"common/db.h\"
${declarations}
enum { ${COUNT} = ${count} };
extern const struct statement *const ${PREFIX}_all[${COUNT}];
")
file(WRITE ${OUT}/sql.c
"/* Generated from the statements in ${FOLDER}/sql by deploy/cmake/embed_sql.cmake. */
#include \"${FOLDER}/sql.h\"

${definitions}const struct statement *const ${PREFIX}_all[${COUNT}] = {
${all}};
")
