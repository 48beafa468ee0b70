/** Who sent each reading, and how long it was on its way: `bun examples/guide/measuring-latency/main.ts`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Channel, type Receiver } from "libipc";

const [role = "monitor", prefix = `guide-${process.pid}`] = process.argv.slice(2);
const READINGS = 500;

async function sense(): Promise<void> {
	// The name has stamps, so this sender writes them.
	using readings = Channel.sender("readings", { prefix });
	for (let i = 0; i < READINGS; i++)
		if (!(await readings.sendAsync(`${role} ${i}`, { timeout: 5000 }))) throw new Error("the monitor is gone");
}

const start = (sensor: string) =>
	once(
		spawn(process.execPath, [...process.execArgv, import.meta.filename, sensor, prefix], { stdio: "inherit" }),
		"exit",
	);

/** Reads what two sensors send, and says whether the stamps fit. */
async function read(readings: Receiver): Promise<string> {
	const sensors = new Map<number, string>();
	let fits = true;
	let last = 0;
	for await (const reading of readings) {
		const [sensor = "", number] = new TextDecoder().decode(reading).split(" ");
		const stamp = readings.lastStamp; // of this reading
		if (!stamp) throw new Error("there is no stamp");
		if (number === "0") sensors.set(stamp.sender, sensor);
		fits &&= sensors.get(stamp.sender) === sensor;
		if (++last === 2 * READINGS) break;
	}
	return `${last} readings of ${sensors.size} senders, each with its number: ${fits}`;
}

async function monitor(): Promise<void> {
	using readings = Channel.receiver("readings", { prefix, stamp: true });
	const { latency } = readings;
	if (!latency) throw new Error("the name has no stamps");

	await Promise.all([start("a"), start("b")]);
	await sleep(50); // too late: the readings are in the ring
	console.log(await read(readings));
	console.log(`all of them waited 50 ms: ${latency.count === 2 * READINGS && latency.min >= 50e6}`);

	latency.reset();
	const sensors = [start("a"), start("b")];
	console.log(await read(readings));
	const times = [latency.min, ...[50, 99, 99.9].map((percent) => latency.percentile(percent)), latency.max];
	console.log(`shortest, median, 99 %, 99.9 %, longest: ${times.every((time, i) => time >= (times[i - 1] ?? 0))}`);
	await Promise.all(sensors);
}

if (role === "monitor") await monitor();
else await sense();
