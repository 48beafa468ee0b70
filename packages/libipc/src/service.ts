/**
 * Requests and answers between programs: `libipc/service`. An entry beside the package, so that programs without services do not load
 * them.
 *
 * @module libipc/service
 */
import {
	createDefineService,
	createServiceFactory,
	type DefineService,
	type ServiceFactory,
} from "@libipc/core/service";
import * as library from "libipc";

export type * from "@libipc/core/service/types";

/**
 * Functions of one program that others call.
 *
 * @example
 * import { Service } from "libipc/service";
 *
 * const handlers = { quote: (symbol: string) => `${symbol} 42.17` };
 * using server = Service.serve("prices", handlers); // in one process
 * using prices = Service.connect<typeof handlers>("prices"); // in another one
 * console.log(await prices.quote("BUN")); // BUN 42.17
 */
export const Service: ServiceFactory = createServiceFactory(library);

/** Defines a service for several programs: name, codec, schemas and types in one place. */
export const defineService: DefineService = createDefineService(Service, library);
