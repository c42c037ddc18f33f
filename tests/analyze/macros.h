/* SPDX-License-Identifier: Apache-2.0 */
/* Macros for cppcheck, which does not read the headers of libraries. */

#define NE_EMU_LIBEXECDIR ""
#define NE_EMU_DATADIR ""

#define TAILQ_FOREACH(pos, head, field) \
	for (pos = (head)->tqh_first; pos; pos = pos->field.tqe_next)

#define nla_for_each_attr(pos, head, len, rem) for (pos = head, rem = len; rem;)
#define nla_for_each_nested(pos, nested, rem) for (pos = nested, rem = 1; rem;)
#define json_object_foreach(object, key, value) while ((key = json_next(object, &value)))
#define json_array_foreach(array, i, value) for (i = 0; (value = json_array_get(array, i)); i++)
