/** The listener behind a property such as `onmessage`: it keeps its place among the listeners until the property is set to null. */
export class EventHandler<SomeEvent extends Event> {
	readonly #target: EventTarget;
	readonly #type: string;
	#value: ((event: SomeEvent) => unknown) | null = null;

	constructor(target: EventTarget, type: string) {
		this.#target = target;
		this.#type = type;
	}

	get value(): ((event: SomeEvent) => unknown) | null {
		return this.#value;
	}

	set value(given: unknown) {
		const value = given !== null && (typeof given === "object" || typeof given === "function") ? given : null;
		const wasSet = this.#value !== null;
		this.#value = value as ((event: SomeEvent) => unknown) | null;
		if (wasSet && value === null) this.#target.removeEventListener(this.#type, this.#listener);
		else if (!wasSet && value !== null) this.#target.addEventListener(this.#type, this.#listener);
	}

	readonly #listener = (event: Event): void => {
		if (typeof this.#value !== "function") return; // an object, which the web accepts here and never calls
		if (this.#value.call(this.#target, event as SomeEvent) === false) event.preventDefault();
	};
}
