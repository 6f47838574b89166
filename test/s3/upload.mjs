/*
 * upload.mjs
 *		npm's @uppy/aws-s3 uploads a file in parts, by the functions of the
 *		database. It is cut when its first part is there, and goes on.
 *
 * usage: node upload.mjs MODULES CONNECTION-STRING VIDEO STORE FILE
 *
 * Prints JSON: the parts that were sent, those that the store listed after the
 * cut, and the state of the upload at its end.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [modules, connection, video, store, file] = process.argv.slice(2);
const load = async (name) => (await import(pathToFileURL(`${modules}/${name}/lib/index.js`))).default;
const Uppy = await load('@uppy/core');
const AwsS3 = await load('@uppy/aws-s3');
const PART_SIZE = 5 * 1024 * 1024;
const sent = [];
let listed = null;
let upload, film;

/* What a browser has and Node.js has not: as much of it as Uppy wants. */
class Request extends EventTarget {
	upload = new EventTarget();
	#headers = {};
	#controller = new AbortController();

	open(method, url) {
		this.method = method;
		this.url = url;
	}
	setRequestHeader(name, value) {
		this.#headers[name] = value;
	}
	getAllResponseHeaders() {
		return [...this.response.headers].map(([name, value]) => `${name}: ${value}`).join('\r\n');
	}
	abort() {
		this.#controller.abort();
	}
	async send(body) {
		try {
			this.response = await fetch(this.url, { method: this.method, body, headers: this.#headers, signal: this.#controller.signal });
			this.status = this.response.status;
			this.responseText = await this.response.text();
			this.dispatchEvent(new Event('load'));
		} catch (e) {
			this.dispatchEvent(new Event(e.name === 'AbortError' ? 'abort' : 'error'));
		}
	}
}
globalThis.XMLHttpRequest = Request;

/* A function of the database; what it is given is a JSON object of its arguments. */
function call(name, args) {
	const list = Object.entries(args).map(([argument, value]) =>
		`${argument} => '${(typeof value === 'object' ? JSON.stringify(value) : String(value)).replaceAll("'", "''")}'`);

	return JSON.parse(execFileSync('psql', ['-XAtq', '-d', connection, '-c', `SELECT ${name}(${list.join(', ')})`]));
}

/* What the store says it has, whichever kind it is. */
async function parts_of(list) {
	const reply = await fetch(list.url);

	if (reply.status === 404) {
		return [];
	}
	if (list.format === 'nginx') {
		return (await reply.json()).map((p) => ({ PartNumber: Number(p.name), Size: p.size, ETag: `"${p.name}"` }));
	}
	return [...(await reply.text()).matchAll(/<Part>.*?<\/Part>/gs)].map(([part]) => {
		const field = (name) => part.match(new RegExp(`<${name}>(.*?)</${name}>`, 's'))[1].replaceAll('&quot;', '"');

		return { PartNumber: Number(field('PartNumber')), Size: Number(field('Size')), ETag: field('ETag') };
	});
}

const uppy = new Uppy();
uppy.use(AwsS3, {
	shouldUseMultipart: true,
	limit: 1,
	getChunkSize: () => PART_SIZE,
	async createMultipartUpload(data) {
		upload = call('vvault_create_upload', { video_id: video, size: data.size, part_size: PART_SIZE, owner_id: 'alice', store });
		if (upload.create) {
			const reply = await fetch(upload.create.url, { method: upload.create.method });

			upload.store_upload_id = (await reply.text()).match(/<UploadId>(.*?)<\/UploadId>/)[1];
		}
		return { uploadId: upload.upload_id, key: upload.object_key };
	},
	async signPart(data, { uploadId, partNumber }) {
		const part = call('vvault_sign_part', { upload_id: uploadId, part_number: partNumber, owner_id: 'alice',
			...(upload.store_upload_id ? { store_upload_id: upload.store_upload_id } : {}) });

		return { url: part.url, headers: part.headers, method: part.method };
	},
	async uploadPartBytes(options) {
		if (sent.length === 1 && listed === null) {
			listed = [];
			uppy.pauseResume(film);
			setTimeout(() => uppy.pauseResume(film), 200);
		}
		const answer = await AwsS3.uploadPartBytes(options);

		sent.push(options.size ?? options.body.size);
		return answer;
	},
	async listParts(data, { uploadId }) {
		const parts = await parts_of(call('vvault_list_parts', { upload_id: uploadId, owner_id: 'alice' }).list);

		listed = parts.map((p) => p.PartNumber);
		return parts;
	},
	async completeMultipartUpload(data, { uploadId, parts }) {
		const said = { upload_id: uploadId, owner_id: 'alice', process: false, parts: parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag })) };
		let reply = call('vvault_complete_upload', said);

		if (reply.complete) {
			const done = await fetch(reply.complete.url, { method: reply.complete.method, body: reply.complete.body });

			if (!done.ok || (await done.text()).includes('<Error>')) {
				throw new Error(`the store answered ${done.status}`);
			}
			reply = call('vvault_complete_upload', { ...said, stored: true });
		}
		upload.state = reply.state;
		return { location: upload.object_key };
	},
	abortMultipartUpload: (data, { uploadId }) => call('vvault_abort_upload', { upload_id: uploadId, owner_id: 'alice' }),
});
film = uppy.addFile({ name: 'film.mp4', type: 'video/mp4', data: new Blob([readFileSync(file)]) });
const result = await uppy.upload();
console.log(JSON.stringify({ sent, listed, state: upload.state, failed: result.failed.map((f) => f.error) }));
process.exit(0);
