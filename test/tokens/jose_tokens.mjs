//
// jose_tokens.mjs
//		Checks tokens by jose, and makes some.
//
// usage: node jose_tokens.mjs check JWKS <tokens	the number of those that are good
//        node jose_tokens.mjs make N KID PRIVATE_KEY_PKCS8_PEM
//
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(`${process.env.WORK}/tokens/`);
const { createLocalJWKSet, jwtVerify, SignJWT } = await import(pathToFileURL(require.resolve('jose')));
const [what, ...args] = process.argv.slice(2);

if (what === 'check') {
	const keys = createLocalJWKSet(JSON.parse(args[0]));
	let good = 0;
	for (const token of readFileSync(0, 'utf8').split(/\s+/).filter(Boolean)) {
		try {
			const { payload } = await jwtVerify(token, keys, { algorithms: ['ES256'], typ: 'JWT' });
			if (payload.sub.startsWith('viewer ')) good++;
		} catch {
			// not good
		}
	}
	console.log(good);
} else {
	const [n, kid, der] = args;
	const key = createPrivateKey({ key: Buffer.from(der, 'hex'), format: 'der', type: 'sec1' });
	for (let i = 0; i < Number(n); i++) {
		console.log(await new SignJWT({ note: 'ż'.repeat(i % 7) }).setProtectedHeader({ alg: 'ES256', kid, typ: 'JWT' })
			.setSubject(`viewer ${i}`).setIssuedAt().setExpirationTime('15m').setJti(`j${i}`).sign(key));
	}
}
