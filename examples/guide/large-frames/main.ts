/** Frames of 8 MB, written directly where two other processes read them: `bun examples/guide/large-frames/main.ts`. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { Route } from "libipc";

const [role = "camera", prefix = `guide-${process.pid}`, id = ""] = process.argv.slice(2);
const FRAME_BYTES = 1920 * 1080 * 4;

function watch(): void {
	using frames = Route.receiver("frames", { prefix });
	let messages = 0;
	// One at a time, so that the camera can reuse the space of each frame as soon as it has been read.
	while (messages < 4) {
		messages += frames.drain(
			(view) => {
				// The view is valid inside this handler only. To keep the data, copy it: view.slice().
				const whole = Buffer.alloc(view.byteLength, view[0]).equals(view);
				console.log(`viewer ${id}: ${view.byteLength} bytes of ${view[0]}${whole ? "" : ", torn"}`);
			},
			{ max: 1 },
		);
	}
}

async function film(): Promise<void> {
	// A message of up to half the ring is stored in one piece. This ring has room for two frames.
	using frames = Route.sender("frames", { prefix, capacity: 16 << 20 });
	const viewers = ["1", "2"].map((viewer) => {
		const program = [...process.execArgv, import.meta.filename, "viewer", prefix, viewer];
		return text(spawn(process.execPath, program, { stdio: ["ignore", "pipe", "inherit"] }).stdout);
	});
	if (!(await frames.receiversReady(2, { timeout: 5000 }))) throw new Error("the viewers did not start");
	for (let i = 1; i <= 3; i++) {
		// Waits until both viewers have read the frame before the last one.
		using loan = frames.loan(FRAME_BYTES, { timeout: 5000 });
		if (!loan) throw new Error("a viewer is too slow, or no viewer is connected");
		loan.bytes.fill(i);
		loan.send();
	}
	// Larger than the ring: the message travels in fragments, which receivers reassemble.
	if (!(await frames.sendAsync(new Uint8Array(20_000_000).fill(9), { timeout: 5000 }))) throw new Error("not sent");
	for (const output of viewers) process.stdout.write(await output);
}

if (role === "viewer") watch();
else await film();
