import type { Command } from "./command.ts";
import { type Completion, commonFlags, type Flags, flagName, isOption } from "./flags.ts";

/** The shells for which there is a script. */
export const shells = ["bash", "zsh", "fish"] as const;

export type Shell = (typeof shells)[number];

/** All ways to write a flag: `--kind`, `-k`. */
const spellings = (flags: Flags): string[] =>
	Object.entries(flags).flatMap(([name, { short }]) => [
		`--${flagName(name)}`,
		...(short === undefined ? [] : [`-${short}`]),
	]);

const flagsOf = (command: Command): Flags => ({ ...command.flags, ...commonFlags });

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const shown = (commands: readonly Command[]): readonly Command[] =>
	commands.filter(({ isInternal }) => isInternal !== true);

const LIST_NAMES = "libipc ls --quiet 2>/dev/null";

/** What bash offers for a value. */
function bashOffer(completion: Completion | undefined, commands: readonly Command[]): string {
	const words = (list: string): string => `mapfile -t COMPREPLY < <(compgen -W ${list} -- "$current")`;
	if (completion === "names") return "_libipc_names";
	if (completion === "files") return 'mapfile -t COMPREPLY < <(compgen -f -- "$current")';
	if (completion === "folders") return 'mapfile -t COMPREPLY < <(compgen -d -- "$current")';
	if (completion === "commands")
		return words(
			quoted(
				shown(commands)
					.map(({ name }) => name)
					.join(" "),
			),
		);
	return completion === undefined ? ":" : words(quoted(completion.join(" ")));
}

function bashCommand(command: Command, commands: readonly Command[]): string[] {
	const flags = flagsOf(command);
	const options = Object.entries(flags).flatMap(([name, flag]) =>
		isOption(flag)
			? [`      ${spellings({ [name]: flag }).join("|")}) ${bashOffer(flag.completes, commands)}; return ;;`]
			: [],
	);
	return [
		`  ${command.name})`,
		`    case "$previous" in`,
		...options,
		"    esac",
		`    if [[ $current == -* ]]; then mapfile -t COMPREPLY < <(compgen -W ${quoted(spellings(flags).join(" "))} -- "$current")`,
		`    else ${bashOffer(command.parameters?.completes, commands)}; fi ;;`,
	];
}

const bash = (commands: readonly Command[]): string[] => [
	'# bash completion for libipc: eval "$(libipc completion bash)"',
	"# Not compgen -W: it would run what a name of another user contains.",
	"_libipc_names() {",
	"  local name",
	"  while IFS= read -r name; do",
	'    [[ $name == "$current"* ]] && COMPREPLY+=("$(printf %q "$name")")',
	`  done < <(${LIST_NAMES})`,
	"}",
	"_libipc() {",
	`  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"`,
	"  COMPREPLY=()",
	"  if (( COMP_CWORD == 1 )); then",
	`    mapfile -t COMPREPLY < <(compgen -W ${quoted([...shown(commands).map(({ name }) => name), "help"].join(" "))} -- "$current")`,
	"    return",
	"  fi",
	`  case "\${COMP_WORDS[1]}" in`,
	`  help) ${bashOffer("commands", commands)} ;;`,
	...shown(commands).flatMap((command) => bashCommand(command, commands)),
	"  esac",
	"}",
	"complete -F _libipc libipc",
];

/** A text in a list of `_describe` and `_arguments`: `:` and brackets have a meaning there. */
const zshText = (text: string): string => text.replaceAll(/[\\:[\]]/g, "\\$&");

/** What zsh offers for a value. */
function zshOffer(completion: Completion | undefined): string {
	if (completion === "names") return "_libipc_names";
	if (completion === "files") return "_files";
	if (completion === "folders") return "_files -/";
	if (completion === "commands") return "_libipc_commands";
	return completion === undefined ? " " : `(${completion.join(" ")})`;
}

function zshCommand(command: Command): string[] {
	const options = Object.entries(flagsOf(command)).flatMap(([name, flag]) => {
		const value = isOption(flag) ? `:${zshText(flag.placeholder)}:${zshOffer(flag.completes)}` : "";
		return spellings({ [name]: flag }).map((each) => quoted(`${each}[${zshText(flag.description)}]${value}`));
	});
	const { parameters } = command;
	const words =
		parameters === undefined ? [] : [quoted(`*:${zshText(parameters.usage)}:${zshOffer(parameters.completes)}`)];
	return [`    ${command.name}) _arguments ${[...options, ...words].join(" \\\n      ")} ;;`];
}

const zsh = (commands: readonly Command[]): string[] => [
	"#compdef libipc",
	"# zsh completion for libipc: libipc completion zsh > a file _libipc in a folder of $fpath",
	"_libipc_names() {",
	"  local -a names",
	`  names=(\${(f)"$(${LIST_NAMES})"})`,
	"  compadd -a names",
	"}",
	"_libipc_commands() {",
	"  local -a commands",
	"  commands=(",
	...shown(commands).map(({ name, summary }) => `    ${quoted(`${name}:${zshText(summary)}`)}`),
	"  )",
	"  _describe command commands",
	"}",
	"_libipc() {",
	"  if (( CURRENT == 2 )); then",
	"    _libipc_commands",
	"    return",
	"  fi",
	"  shift words",
	"  (( CURRENT-- ))",
	'  case "$words[1]" in',
	"    help) _libipc_commands ;;",
	...shown(commands).flatMap(zshCommand),
	"  esac",
	"}",
	'if [ "$funcstack[1]" = _libipc ]; then _libipc "$@"; else compdef _libipc libipc; fi',
];

/** What fish offers for a value, as options of `complete`. */
function fishOffer(completion: Completion | undefined, commands: readonly Command[]): string {
	if (completion === "names") return ` -xa ${quoted(`(${LIST_NAMES})`)}`;
	if (completion === "files") return " -rF";
	if (completion === "folders") return ` -xa '(__fish_complete_directories)'`;
	if (completion === "commands")
		return ` -xa ${quoted(
			shown(commands)
				.map(({ name }) => name)
				.join(" "),
		)}`;
	return completion === undefined ? " -x" : ` -xa ${quoted(completion.join(" "))}`;
}

function fishCommand(command: Command, commands: readonly Command[]): string[] {
	const condition = `complete -c libipc -n ${quoted(`__fish_seen_subcommand_from ${command.name}`)}`;
	const options = Object.entries(flagsOf(command)).map(([name, flag]) => {
		const short = flag.short === undefined ? "" : ` -s ${flag.short}`;
		const value = isOption(flag) ? fishOffer(flag.completes, commands) : "";
		return `${condition} -l ${flagName(name)}${short}${value} -d ${quoted(flag.description)}`;
	});
	const { parameters } = command;
	return [
		...options,
		...(parameters === undefined ? [] : [`${condition}${fishOffer(parameters.completes, commands)}`]),
	];
}

const fish = (commands: readonly Command[]): string[] => [
	"# fish completion for libipc: libipc completion fish > ~/.config/fish/completions/libipc.fish",
	"complete -c libipc -f",
	...shown(commands).map(
		({ name, summary }) => `complete -c libipc -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
	),
	...shown(commands).flatMap((command) => fishCommand(command, commands)),
];

/** The script with which a shell completes the command lines of `libipc`. It follows from the definitions of the commands. */
export function completionScript(shell: Shell, commands: readonly Command[]): string[] {
	if (shell === "bash") return bash(commands);
	return shell === "zsh" ? zsh(commands) : fish(commands);
}
