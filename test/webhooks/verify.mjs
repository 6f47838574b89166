/*
 * verify.mjs
 *		Checks requests to a webhook by a library of Standard Webhooks.
 *
 * usage: node verify.mjs SECRET <REQUESTS
 *
 * REQUESTS are JSON, {"headers", "body"}, one a line; prints for each the type
 * and number of its event, or why it is refused.
 */
import { createInterface } from 'node:readline';
import { Webhook } from 'standardwebhooks';

const hook = new Webhook(process.argv[2]);

for await (const line of createInterface({ input: process.stdin })) {
	const { headers, body } = JSON.parse(line);

	try {
		const event = hook.verify(body, headers);

		console.log(`${event.type} ${event.number}`);
	} catch (error) {
		console.log(`refused: ${error.message}`);
	}
}
