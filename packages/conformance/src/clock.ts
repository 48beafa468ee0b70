export { spin } from "@libipc/testing/timing";
