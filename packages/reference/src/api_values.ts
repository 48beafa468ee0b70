import { type Application, Converter, type DeclarationReflection, ReferenceType, ReflectionKind } from "typedoc";

/**
 * Completes what TypeDoc reads from the index files, which export `Route`, `list` and so on by one destructuring of an
 * `Api`. Editors find the comments of the members of `Api`, TypeDoc does not. After this,
 *
 * - each value has the comment of the member of `Api` that it is;
 * - `list`, `clear` and `monotonicNs` are functions, not variables with a function type;
 * - `Mutex` and the other types that share a name with a value are interfaces with members, not aliases.
 */
export function describeApiValues(application: Application): void {
	application.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
		const declarations = (kind: ReflectionKind): DeclarationReflection[] =>
			project.getReflectionsByKind(kind).filter((each): each is DeclarationReflection => each.isDeclaration());

		const api = declarations(ReflectionKind.Interface).find(({ name }) => name === "Api");
		if (!api) throw new Error("the interface Api was not found");

		for (const value of declarations(ReflectionKind.Variable)) {
			const member = api.children?.find(({ name }) => name === value.name);
			if (member?.comment) value.comment = member.comment.clone();
			if (!member?.signatures || value.type?.type !== "reflection") continue;
			const type = value.type.declaration;
			value.kind = ReflectionKind.Function;
			value.signatures = type.signatures ?? [];
			for (const signature of value.signatures) {
				signature.name = value.name;
				signature.parent = value;
			}
			delete type.signatures;
			delete value.type;
			project.removeReflection(type);
		}

		for (const alias of declarations(ReflectionKind.TypeAlias)) {
			const original = alias.type instanceof ReferenceType ? alias.type.reflection : undefined;
			if (!original?.isDeclaration() || original.name !== alias.name || !alias.parent?.isContainer()) continue;
			if (!original.parent?.isContainer()) continue;
			original.parent.removeChild(original);
			original.parent = alias.parent;
			alias.parent.addChild(original);
			project.removeReflection(alias);
		}
	});
}
