/*
 * vvault.js
 *		What nginx checks by itself, without asking the database: the signature
 *		of a file store's URL (store.conf) and the token of a path (edge.conf).
 *
 * For nginx's njs, from 0.7.9 on. Keys are in files that
 * SELECT vvault_signing_keys(...) writes. They are read at each request, some
 * hundred bytes out of the page cache, so a new key needs no restart.
 *
 * Each check gives nginx a variable: empty where all is well, else why not.
 */
import crypto from 'crypto';
import fs from 'fs';

function key_of(file, kid) {
	let keys;

	try {
		keys = JSON.parse(fs.readFileSync(file)).keys;
	} catch (e) {
		return null;
	}
	return Object.prototype.hasOwnProperty.call(keys, kid) ? Buffer.from(keys[kid], 'base64url') : null;
}

/* In a time that does not tell where two signatures differ. */
function is_signed(key, message, signature) {
	const right = crypto.createHmac('sha256', key).update(message).digest('base64url');
	let differ = right.length ^ signature.length;

	for (let i = 0; i < right.length; i++) {
		differ |= right.charCodeAt(i) ^ signature.charCodeAt(i % signature.length);
	}
	return differ === 0;
}

function has_expired(expires) {
	return Number(expires) <= Date.now() / 1000;
}

/* An argument that is there just once. */
function argument(r, name, pattern) {
	const value = r.args[name];

	return typeof value === 'string' && pattern.test(value) ? value : null;
}

function wrong_length(r, size) {
	const length = r.headersIn['Content-Length'];

	if (r.headersIn['Transfer-Encoding'] !== undefined || length === undefined || !/^[0-9]+$/.test(length)) {
		return 'a body needs a Content-Length';
	}
	if (size !== '' && Number(length) !== Number(size)) {
		return `the URL is for ${size} bytes, not for ${length}`;
	}
	return '';
}

/*
 * A file store's URL: method, expiry, size, key id and path are signed. The
 * path is taken as it came, and has to be what nginx makes of it.
 */
function store_problem(r) {
	const path = r.variables.request_uri.split('?')[0];
	const method = argument(r, 'method', /^[A-Z]+$/);
	const expires = argument(r, 'expires', /^[0-9]{1,12}$/);
	const size = r.args.size === undefined ? '' : argument(r, 'size', /^[0-9]{1,18}$/);
	const kid = argument(r, 'kid', /^[A-Za-z0-9_-]{1,32}$/);
	const signature = argument(r, 'signature', /^[A-Za-z0-9_-]{43}$/);
	let key;

	if (method === null || expires === null || size === null || kid === null || signature === null) {
		return 'this is not a signed URL';
	}
	if (path !== r.uri || !/^[A-Za-z0-9._\/-]+$/.test(path) || /(^|\/)\.{0,2}\//.test(path.substring(1))) {
		return 'this is not the path of an object';
	}
	key = key_of(r.variables.vvault_store_keys, kid);
	if (key === null) {
		return 'the key of this URL is not known';
	}
	if (!is_signed(key, ['vvault-file-1', method, path, expires, size, kid].join('\n'), signature)) {
		return 'the signature of this URL is wrong';
	}
	if (has_expired(expires)) {
		return 'this URL has expired';
	}
	if (method !== r.method) {
		return `this URL is for ${method}`;
	}
	return method === 'PUT' ? wrong_length(r, size) : '';
}

/* The clocks of an edge and of the database may differ by so many seconds. */
const CLOCK_SKEW = 60;

/*
 * The token of a path: KID.EXPIRES.SESSION.SIGNATURE, for one generation of
 * one video.
 */
function path_problem(r) {
	const said = /^([A-Za-z0-9_-]{1,32})\.([0-9]{1,12})\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{43})$/
		.exec(r.variables.vvault_token);
	let key, message;

	if (said === null) {
		return 'this is not a token';
	}
	key = key_of(r.variables.vvault_path_keys, said[1]);
	if (key === null) {
		return 'the key of this token is not known';
	}
	message = ['vvault-path-1', said[1], said[2], said[3], r.variables.vvault_video, r.variables.vvault_generation];
	if (!is_signed(key, message.join('\n'), said[4])) {
		return 'this token is for something else';
	}
	return has_expired(Number(said[2]) + CLOCK_SKEW) ? 'this token has expired' : '';
}

export default { store_problem, path_problem };
