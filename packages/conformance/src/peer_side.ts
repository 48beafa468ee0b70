export { args, say } from "@libipc/testing/program";
