// The shortest program that uses libipc: its time over that of an empty program is what import and first open take.
import { Route } from "libipc";

Route.sender("open", { prefix: process.argv[2] }).close();
