/** A server that is killed as soon as it is called: `crashing_server PREFIX NAME`. */
import { args } from "@libipc/testing/program";
import { Service } from "libipc/service";

const [prefix = "", name = ""] = args;

Service.serve(name, { crash: () => process.kill(process.pid, "SIGKILL") }, { prefix });
