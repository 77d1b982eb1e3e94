/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of control commands: types and names, nothing of what they mean. */
#include "agent/request.h"

#include <string.h>

bool request_knows(const json_t *request, const char *const *known, const char **error)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)request, key, value)
	{
		bool found = strcmp(key, "version") == 0 || strcmp(key, "command") == 0;

		for (size_t i = 0; known[i] && !found; i++)
			found = strcmp(key, known[i]) == 0;
		if (found)
			continue;
		*error = "the request has a field that this command does not know";
		return false;
	}
	return true;
}

bool request_text(const json_t *request, const char *key, const char **ret, const char **error)
{
	const json_t *v = json_object_get(request, key);

	if (v && !json_is_string(v)) {
		*error = "a field of the request that has to be a text is none";
		return false;
	}
	if (v)
		*ret = json_string_value(v);
	return true;
}

bool request_bool(const json_t *request, const char *key, bool *ret, const char **error)
{
	const json_t *v = json_object_get(request, key);

	if (v && !json_is_boolean(v)) {
		*error = "a field of the request that has to be true or false is neither";
		return false;
	}
	if (v)
		*ret = json_is_true(v);
	return true;
}

bool request_count(const json_t *request, const char *key, uint64_t *ret, const char **error)
{
	const json_t *v = json_object_get(request, key);

	if (v && (!json_is_integer(v) || json_integer_value(v) < 0)) {
		*error = "a field of the request that has to be a whole number from 0 on is none";
		return false;
	}
	if (v)
		*ret = (uint64_t)json_integer_value(v);
	return true;
}
