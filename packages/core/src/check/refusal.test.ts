import { expect, test } from "bun:test";
import { constants } from "node:os";
import { abi } from "@libipc/protocol";
import { refusalText } from "./refusal.ts";

const { Cause } = abi;
const { errno } = constants;

const textOf = (cause: keyof typeof Cause, error: keyof typeof errno, found = 0, wanted = 0): string =>
	refusalText('open channel "prices"', {
		cause: Cause[cause],
		systemError: errno[error],
		found,
		wanted,
		path: "/where/it/is",
	});

/** What the system answers to each kind of call (the manual pages of open, fallocate, mmap and fcntl), and what helps then. */
const refusals: readonly (readonly [keyof typeof Cause, keyof typeof errno, RegExp])[] = [
	["directory", "ENOENT", /does not exist.*Create it/],
	["directory", "ENOTDIR", /is not a directory.*LIBIPC_DIR/],
	["directory", "EINVAL", /not an absolute path.*begin with/],
	["directory", "ENAMETOOLONG", /LIBIPC_DIR has \d+ bytes.*symbolic link/],
	["directory", "EACCES", /may not use the directory.*mode 1777/],
	["directory", "EMFILE", /too many files.*ulimit -n/],
	["identity", "EACCES", /may not create files.*mode 1777/],
	["identity", "EPERM", /may not create files.*LIBIPC_DIR/],
	["identity", "EROFS", /read-only.*Mount it for writing/],
	["identity", "ENOSPC", /no room for another file.*nr_inodes/],
	["identity", "EDQUOT", /quota.*LIBIPC_DIR/],
	["identity", "ENOLCK", /no locks.*tmpfs/],
	["identity", "ENFILE", /too many files.*fs\.file-max/],
	["file", "EACCES", /may not open or create the file.*mode 1777/],
	["file", "EROFS", /read-only.*LIBIPC_DIR/],
	["file", "ENOSPC", /no room for another file.*Remove files/],
	["reserve", "ENOSPC", /no shared memory left: 2000000 bytes are needed, and 4096 are free.*--shm-size/],
	["reserve", "EDQUOT", /quota.*raise/],
	["reserve", "EFBIG", /no files as large as 2000000 bytes.*smaller/],
	["reserve", "ENOMEM", /no memory left.*close other names/],
	["fileSize", "EFBIG", /may have 4096 bytes \(ulimit -f\), and 2000000 are needed.*allow larger files/],
	["memoryLimit", "ENOMEM", /control group leaves 4096 bytes, and 2000000 are needed.*memory\.max.*--memory/],
	["map", "ENOMEM", /2000000 bytes are needed.*ulimit -v.*max_map_count/],
	["map", "EAGAIN", /mlockall.*ulimit -l/],
	["map", "ENODEV", /cannot be mapped.*LIBIPC_DIR/],
];

test.each(refusals)(
	"%s, %s: the text has the name of the error, the path, the cause and what to do",
	(cause, error, rest) => {
		const text = textOf(cause, error, 4096, 2_000_000);
		expect(text).toStartWith('The system could not open channel "prices": ');
		expect(text).toContain(`(${error}: /where/it/is)`);
		expect(text).toMatch(rest);
		expect(text).toEndWith(".");
	},
);

test("an error that nothing is known of has its name and the path, and no advice", () => {
	expect(textOf("file", "EIO")).toBe('The system could not open channel "prices" (EIO: /where/it/is).');
	expect(
		refusalText("list shared memory", { cause: Cause.heap, systemError: 99_999, found: 0, wanted: 0, path: "" }),
	).toMatch(/^The system could not list shared memory: .*\(system error 99999\)/);
});
