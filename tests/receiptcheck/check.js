// What somebody else's library thinks of a receipt that notaryfs gives.
//
//	node check.js KEY.der RECEIPT ENTRY
//
// With the npm package @transmute/cose (found by NODE_PATH) and nothing of
// notaryfs: exit code 0 if the entry stands in the log whose root the key
// signed.
const fs = require("fs");
const { createPublicKey } = require("crypto");
const cose = require("@transmute/cose");

async function main([keyPath, receiptPath, entryPath]) {
	const key = createPublicKey({
		key: fs.readFileSync(keyPath), format: "der", type: "spki",
	});
	const jwk = { ...key.export({ format: "jwk" }), alg: "ES256" };
	await cose.receipt.inclusion.verify({
		entry: await cose.receipt.leaf(fs.readFileSync(entryPath)),
		receipt: fs.readFileSync(receiptPath),
		verifier: cose.detached.verifier({
			resolver: { resolve: async () => jwk },
		}),
	});
}

main(process.argv.slice(2)).then(() => console.log("proved"), (e) => {
	console.error("receiptcheck: " + e.message);
	process.exit(1);
});
