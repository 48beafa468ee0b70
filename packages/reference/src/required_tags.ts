import { type Application, type ProjectReflection, type Reflection, ReflectionKind } from "typedoc";

/** Calls that `using` and `for await` make: they need no example. */
const isOfLanguage = ({ name }: Reflection): boolean => name.startsWith("[");

/** Warns of each public call without an example, and of each option without a default value. */
export function requireTags(application: Application, project: ProjectReflection): void {
	const require = (reflection: Reflection, tag: "@example" | "@defaultValue"): void => {
		if (!reflection.comment?.getTag(tag)) application.logger.warn(`${reflection.getFullName()} has no ${tag}`);
	};
	for (const call of project.getReflectionsByKind(ReflectionKind.CallSignature)) {
		const isCallback = !call.parent?.kindOf([ReflectionKind.Method, ReflectionKind.Function]);
		if (!isCallback && !isOfLanguage(call) && call.name !== "createApi") require(call, "@example");
	}
	for (const property of project.getReflectionsByKind(ReflectionKind.Property)) {
		const isOption = property.parent?.kindOf(ReflectionKind.Interface) && property.parent.name.endsWith("Options");
		if (isOption) require(property, "@defaultValue");
	}
}
