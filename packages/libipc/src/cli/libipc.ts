#!/usr/bin/env node
/** The program `libipc`. It ends when nothing is left to do, so that all output is written. */
import { main } from "./main.ts";

process.exitCode = await main(process.argv.slice(2));
