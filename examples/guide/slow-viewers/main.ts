/** 300 frames for a recorder that needs all of them, and for a viewer that is too slow: `bun examples/guide/slow-viewers/main.ts`. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { Route } from "libipc";

const [role = "camera", prefix = `guide-${process.pid}`] = process.argv.slice(2);
const FRAMES = 300;
const FRAME_BYTES = 100_000;
const numberOf = (frame: Uint8Array): number => new DataView(frame.buffer, frame.byteOffset).getUint32(0);

async function record(): Promise<void> {
	using frames = Route.receiver("frames", { prefix });
	let recorded = 0;
	for await (const frame of frames) {
		if (numberOf(frame) !== ++recorded) throw new Error(`frame ${recorded} is missing`);
		if (recorded === FRAMES) break;
	}
	console.log(`recorder: ${recorded} frames, lost ${frames.lost}`);
}

async function view(): Promise<void> {
	// No sender waits for it: what it does not read in time is overwritten.
	using frames = Route.receiver("frames", { prefix, lossy: true });
	let shown = 0;
	let number = 0;
	while (number < FRAMES) {
		const frame = await frames.recvLatestAsync({ timeout: 5000 });
		if (!frame) throw new Error("the camera has stopped");
		number = numberOf(frame);
		shown++;
		await sleep(25); // a slow screen
	}
	const missed = frames.lost + frames.skipped;
	console.log(`viewer: the last frame is ${number}; shown and missed: ${shown + missed}; missed some: ${missed > 0}`);
}

async function film(): Promise<void> {
	using frames = Route.sender("frames", { prefix, capacity: 1 << 20 });
	const programs = ["recorder", "viewer"].map((program) =>
		text(
			spawn(process.execPath, [...process.execArgv, import.meta.filename, program, prefix], {
				stdio: ["ignore", "pipe", "inherit"],
			}).stdout,
		),
	);
	// receiversReady() does not wait for observers: peers() shows both.
	let ready = 0;
	for await (const peer of frames.peers()) if (peer.type === "joined" && ++ready === 2) break;
	console.log(`camera: ${frames.receiverCount} receiver, ${frames.observerCount} observer`);
	const frame = new Uint8Array(FRAME_BYTES);
	for (let number = 1; number <= FRAMES; number++) {
		new DataView(frame.buffer).setUint32(0, number);
		// Waits for the recorder if it must, and never for the viewer.
		if (!(await frames.sendAsync(frame, { timeout: 5000 }))) throw new Error("the recorder is too slow");
	}
	for (const output of programs) process.stdout.write(await output);
}

if (role === "recorder") await record();
else if (role === "viewer") await view();
else await film();
