/* SPDX-License-Identifier: Apache-2.0 */
/* Read small JSON objects from files that programs of this project wrote. */

#ifndef NE_EMU_CLI_HOST_JSON_IN_H
#define NE_EMU_CLI_HOST_JSON_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_t;

/**
 * json_in_load() - read a file that holds one object
 * @path: the file
 * @ret: the object; the caller releases it with json_in_free()
 *
 * Return: 0, -EBADMSG (not a JSON object) or the errno of the read.
 */
int json_in_load(const char *path, struct json_t **ret);
/** json_in_free() - release *@object, which becomes NULL; for __cleanup() */
void json_in_free(struct json_t **object);

/** json_in_str() - a string member, valid as long as the object; "" if it is missing */
const char *json_in_str(const struct json_t *object, const char *key);
/** json_in_u64() - a number member; 0 if it is missing */
uint64_t json_in_u64(const struct json_t *object, const char *key);
/** json_in_has() - is there a member with this name? */
bool json_in_has(const struct json_t *object, const char *key);
/** json_in_object() - an object member, valid as long as the object; NULL if it is missing */
const struct json_t *json_in_object(const struct json_t *object, const char *key);

/** json_in_u32_list() - an array of numbers, which the caller frees; NULL if it is missing */
uint32_t *json_in_u32_list(const struct json_t *object, const char *key, size_t *ret_count);

/** json_in_each_u64() - call @fn for each number member until one call fails */
int json_in_each_u64(struct json_t *object,
		     int (*fn)(void *arg, const char *key, uint64_t value), void *arg);

#endif
