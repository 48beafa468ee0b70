/** Opens a name of each kind without a prefix, keeps them, and reports what it sees: `without_prefix NAME`. */
import { args, say } from "@libipc/testing/program";
import { openEachKind } from "../each_kind.ts";
import { list } from "../under_test.ts";

const [name = ""] = args;
const handles = openEachKind(name);
say(JSON.stringify(list().map(({ kind, prefix, name }) => ({ kind, prefix, name }))));
setInterval(() => handles.length, 60_000);
