/*-------------------------------------------------------------------------
 *
 * jwt.c
 *		A token (RFC 7519) taken apart, and what is wrong with it.
 *
 * Nobody vouches for its bytes, so they are read strictly (RFC 8725): base64url
 * without padding or loose bits, JSON of the server's parser, objects in which
 * no name comes twice, no header that would choose its own key or that is
 * critical. What is wrong is said as a text; nothing here raises an error about
 * a token. The claims are not read before the signature was found right.
 *
 *-------------------------------------------------------------------------
 */
#include "protect/jwt.h"

#include <math.h>

#include "mb/pg_wchar.h"

#define MAX_MEMBERS	64			/* of a header or of claims */

/* An object that is being read */
typedef struct JwtParse
{
	VvToken    *read;
	bool		is_header;
	const char *problem;
	int			depth;
	char	   *name;			/* of the member we are in */
	int			nnames;
	char	   *names[MAX_MEMBERS];
} JwtParse;

/* ---------- base64url ---------- */

/* The value of a character of base64url, or -1 */
static inline int
value_of(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' :
		c >= 'a' && c <= 'z' ? c - 'a' + 26 :
		c >= '0' && c <= '9' ? c - '0' + 52 :
		c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* The values of all characters, worked out once. */
static const int8 *
all_values(void)
{
	static int8 values[256];
	static bool known = false;

	for (int c = 0; !known && c < 256; c++)
		values[c] = value_of((char) c);
	known = true;
	return values;
}

/*
 * Decodes base64url as the one encoder writes it: no padding, no other
 * character, no bit set that stands for nothing. The length, or -1. Of what is
 * not right some bytes may have been written.
 */
static int
decode(const char *from, int len, char *to, int size)
{
	const int8 *values = all_values();
	uint32		bits = 0;
	int			nbits = 0;
	int			written = 0;
	int			i = 0;

	if (len == 0 || len % 4 == 1 || len > VV_TOKEN_MAX || len * 6 / 8 > size)
		return -1;
	for (; i + 4 <= len; i += 4)
	{
		int			a = values[(unsigned char) from[i]];
		int			b = values[(unsigned char) from[i + 1]];
		int			c = values[(unsigned char) from[i + 2]];
		int			d = values[(unsigned char) from[i + 3]];

		if ((a | b | c | d) < 0)
			return -1;
		to[written] = (char) (a << 2 | b >> 4);
		to[written + 1] = (char) (b << 4 | c >> 2);
		to[written + 2] = (char) (c << 6 | d);
		written += 3;
	}
	for (; i < len; i++)
	{
		int			value = values[(unsigned char) from[i]];

		if (value < 0)
			return -1;
		bits = bits << 6 | value;
		nbits += 6;
		if (nbits >= 8)
		{
			nbits -= 8;
			to[written++] = (char) (bits >> nbits);
		}
	}
	return (bits & ((1 << nbits) - 1)) == 0 ? written : -1;
}

/* ---------- JSON ---------- */

/* Most names differ in their first character. */
static inline bool
is_name(const char *a, const char *b)
{
	return *a == *b && strcmp(a, b) == 0;
}

/* What is wrong with the token; what was found first counts. */
static void
found(JwtParse *parse, const char *problem)
{
	if (parse->problem == NULL)
		parse->problem = problem;
}

/* An object or an array begins. */
static VvJsonActionResult
begin_part(void *state)
{
	JwtParse   *parse = (JwtParse *) state;

	if (parse->depth > 8)
		found(parse, "it is nested too deep");
	parse->depth++;
	VV_JSON_ACTION_DONE;
}

/* An array begins; the whole is none. */
static VvJsonActionResult
begin_array(void *state)
{
	JwtParse   *parse = (JwtParse *) state;

	if (parse->depth == 0)
		found(parse, "it is no object");
	return begin_part(state);
}

/* An object or an array ends. */
static VvJsonActionResult
end_part(void *state)
{
	((JwtParse *) state)->depth--;
	VV_JSON_ACTION_DONE;
}

/* A member of an object begins: its name is looked at. */
static VvJsonActionResult
begin_member(void *state, char *name, bool isnull pg_attribute_unused())
{
	JwtParse   *parse = (JwtParse *) state;

	if (parse->depth != 1)
		VV_JSON_ACTION_DONE;
	parse->name = name;
	for (int i = 0; i < parse->nnames; i++)
	{
		if (is_name(parse->names[i], name))
			found(parse, "a name comes twice");
	}
	if (parse->nnames == MAX_MEMBERS)
		found(parse, "it has too many members");
	else
		parse->names[parse->nnames++] = name;
	if (parse->is_header && is_name(name, "crit"))
		found(parse, "its header has something critical");
	if (parse->is_header && (is_name(name, "jku") || is_name(name, "jwk") ||
							 is_name(name, "x5u") || is_name(name, "x5c")))
		found(parse, "its header brings a key");
	if (!parse->is_header && is_name(name, "permissions"))
	{
		parse->read->has_permissions = true;
		parse->read->most = VV_PERMIT_NOTHING;
	}
	VV_JSON_ACTION_DONE;
}

/* A member of the header. */
static void
take_header(JwtParse *parse, char *value, JsonTokenType type)
{
	const char *name = parse->name;
	bool		is_text = type == JSON_TOKEN_STRING;

	if (is_name(name, "alg") && is_text)
		parse->read->algorithm = value;
	else if (is_name(name, "kid") && is_text)
		parse->read->kid = value;
	else if (is_name(name, "typ") &&
			 (!is_text || pg_strcasecmp(value, "JWT") != 0))
		found(parse, "its type is not JWT");
}

/* Seconds since 1970; NaN for what is none. */
static double
seconds(const char *value, JsonTokenType type)
{
	return type == JSON_TOKEN_NUMBER ? strtod(value, NULL) : NAN;
}

/* A claim that is no list. */
static void
take_claim(JwtParse *parse, char *value, JsonTokenType type)
{
	VvToken    *read = parse->read;
	const char *name = parse->name;
	const struct
	{
		const char *name;
		char	  **text;
		double	   *seconds;
	}			claims[] = {
		{"iss", &read->issuer, NULL}, {"sub", &read->subject, NULL},
		{"jti", &read->jti, NULL}, {"video_id", &read->video_id, NULL},
		{"exp", NULL, &read->expires}, {"nbf", NULL, &read->not_before},
		{"iat", NULL, &read->issued},
	};

	if (is_name(name, "aud") && type == JSON_TOKEN_STRING &&
		read->audience.n < VV_TOKEN_LISTED)
		read->audience.texts[read->audience.n++] = value;
	for (int i = 0; i < (int) lengthof(claims); i++)
	{
		if (!is_name(name, claims[i].name))
			continue;
		if (claims[i].seconds != NULL)
			*claims[i].seconds = seconds(value, type);
		else if (type == JSON_TOKEN_STRING)
			*claims[i].text = value;
		else
			found(parse, "a claim is no text");
	}
}

/* An element of a claim that is a list. */
static void
take_element(JwtParse *parse, char *value, JsonTokenType type)
{
	VvToken    *read = parse->read;

	if (type != JSON_TOKEN_STRING)
		return;
	if (is_name(parse->name, "permissions"))
		read->most = Max(read->most, vv_permission_named(value, strlen(value)));
	else if (is_name(parse->name, "aud") && read->audience.n < VV_TOKEN_LISTED)
		read->audience.texts[read->audience.n++] = value;
}

/* A text, a number, true, false or null goes to who reads it. */
static VvJsonActionResult
take_scalar(void *state, char *value, JsonTokenType type)
{
	JwtParse   *parse = (JwtParse *) state;

	/* outside of an object nothing has a name */
	if (parse->name == NULL)
		found(parse, "it is no object");
	else if (parse->depth == 1 && parse->is_header)
		take_header(parse, value, type);
	else if (parse->depth == 1)
		take_claim(parse, value, type);
	else if (parse->depth == 2 && !parse->is_header)
		take_element(parse, value, type);
	VV_JSON_ACTION_DONE;
}

/* Reads an object; NULL, or what is wrong with it. */
static const char *
read_object(VvToken *read, bool is_header, char *json, int len)
{
	JwtParse	parse = {.read = read, .is_header = is_header};
	JsonSemAction actions = {
		.semstate = &parse,
		.object_start = begin_part,
		.object_end = end_part,
		.array_start = begin_array,
		.array_end = end_part,
		.object_field_start = begin_member,
		.scalar = take_scalar,
	};

	if (!pg_verify_mbstr(PG_UTF8, json, len, true) ||
		pg_parse_json(vv_json_lexer(json, len, PG_UTF8), &actions) != JSON_SUCCESS)
		return "it is not JSON";
	return parse.problem;
}

/* ---------- the token ---------- */

/* Where the parts end; false where there are not three. */
static bool
split(const char *token, int len, const char **first_dot, const char **second_dot)
{
	*first_dot = memchr(token, '.', len);
	if (*first_dot == NULL)
		return false;
	*second_dot = memchr(*first_dot + 1, '.', token + len - *first_dot - 1);
	return *second_dot != NULL &&
		memchr(*second_dot + 1, '.', token + len - *second_dot - 1) == NULL;
}

/*
 * Reads what is needed to look for the key of a token and to check its
 * signature; NULL, or what is wrong.
 */
const char *
vv_read_token_header(const char *token, int len, VvToken *read)
{
	const char *first;
	const char *second;
	char		header[VV_TOKEN_HEADER_MAX];
	int			header_len;

	memset(read, 0, sizeof(*read));
	read->most = VV_PERMIT_MANAGE;
	if (len > VV_TOKEN_MAX)
		return "it is too long";
	if (!split(token, len, &first, &second))
		return "it has not three parts";
	if (first - token > VV_TOKEN_HEADER_MAX)
		return "its header is too long";
	header_len = decode(token, first - token, header, sizeof(header));
	read->signature_len = decode(second + 1, token + len - second - 1,
								 (char *) read->signature, sizeof(read->signature));
	if (header_len < 0 || read->signature_len < 0)
		return "it is not base64url";
	read->signed_part = token;
	read->signed_len = second - token;
	return read_object(read, true, header, header_len);
}

/*
 * Reads the claims of a token whose signature is right; NULL, or what is wrong.
 */
const char *
vv_read_token_claims(const char *token, int len, VvToken *read)
{
	const char *first;
	const char *second;
	const char *problem;
	char	   *claims;
	int			claims_len;

	if (!split(token, len, &first, &second))
		return "it has not three parts";
	claims = palloc(second - first);
	claims_len = decode(first + 1, second - first - 1, claims, second - first);
	if (claims_len < 0)
		return "it is not base64url";
	problem = read_object(read, false, claims, claims_len);
	if (problem == NULL)
	{
		read->claims = claims;
		read->claims_len = claims_len;
	}
	return problem;
}
