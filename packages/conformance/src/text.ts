export { isPending, rejection, rejectionCode, thrownCode } from "@libipc/testing/outcome";
export { text } from "@libipc/testing/text";
