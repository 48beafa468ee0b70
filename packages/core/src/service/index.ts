/**
 * Services on a libipc, for `libipc/service`.
 *
 * @module @libipc/core/service
 */
export { createDefineService } from "./define_service.ts";
export type { ServiceLibrary } from "./opened_service.ts";
export { createServiceFactory } from "./service_factory.ts";
export type * from "./service_types.ts";
