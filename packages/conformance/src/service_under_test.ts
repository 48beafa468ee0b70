/** `libipc/service` on the package that this suite is about. */
import { createDefineService, createServiceFactory } from "@libipc/core/service";
import { library } from "./under_test.ts";

export const Service = createServiceFactory(library);
export const defineService = createDefineService(Service, library);
