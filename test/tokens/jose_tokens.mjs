//
// jose_tokens.mjs
//		Checks tokens by jose, and makes some.
//
// usage: node jose_tokens.mjs check JWKS <tokens	the number of those that are good
//        node jose_tokens.mjs make N KID PRIVATE_KEY_DER_IN_HEX
//        node jose_tokens.mjs make N KID SECRET_IN_HEX HS256
//
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(`${process.env.WORK}/tokens/`);
const { createLocalJWKSet, jwtVerify, SignJWT } = await import(pathToFileURL(require.resolve('jose')));
const [what, ...args] = process.argv.slice(2);

if (what === 'check') {
	const set = JSON.parse(args[0]);
	// a set of secrets is none that jose chooses from
	const secret = ({ kid }) => Buffer.from(set.keys.find((key) => key.kid === kid).k, 'base64url');
	const by_secret = set.keys[0].kty === 'oct';
	const keys = by_secret ? secret : createLocalJWKSet(set);
	const algorithms = [by_secret ? 'HS256' : 'ES256'];
	let good = 0;
	for (const token of readFileSync(0, 'utf8').split(/\s+/).filter(Boolean)) {
		try {
			const { payload } = await jwtVerify(token, keys, { algorithms, typ: 'JWT' });
			if (payload.sub.startsWith('viewer ')) good++;
		} catch {
			// not good
		}
	}
	console.log(good);
} else {
	const [n, kid, hex, alg = 'ES256'] = args;
	const bytes = Buffer.from(hex, 'hex');
	const key = alg === 'HS256' ? bytes : createPrivateKey({ key: bytes, format: 'der', type: 'sec1' });
	for (let i = 0; i < Number(n); i++) {
		console.log(await new SignJWT({ note: 'ż'.repeat(i % 7) }).setProtectedHeader({ alg, kid, typ: 'JWT' })
			.setSubject(`viewer ${i}`).setIssuedAt().setExpirationTime('15m').setJti(`j${i}`).sign(key));
	}
}
