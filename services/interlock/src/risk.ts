import type { Risk } from '@megabot/contracts/approval.ts';
import { suspiciousCharacter } from './policy/characters.ts';
import type { CompiledPolicy } from './policy/compile.ts';
import { rulesNaming } from './policy/deny-rules.ts';
import { mayTouchSecret, trustedFile } from './policy/files-at-risk.ts';
import { escapeOption } from './policy/options.ts';
import { baseName, evaluators, isInterpreter } from './policy/programs.ts';
import { findStarted, type Started } from './policy/started.ts';
import { readTree } from './policy/tree-reader.ts';

const names = (text: string): string[] => text.trim().split(/\s+/);
const risks: ReadonlyMap<string, Risk> = new Map([
  // They only show something.
  ...names(`
    ls dir cat head tail wc pwd echo printf grep egrep fgrep rg ag stat file du df date cal uptime free which type basename dirname realpath
    readlink tree true false : test [ cmp diff comm join paste sha1sum sha256sum sha512sum md5sum cksum sum nl tac rev cut tr uniq sort shuf seq id
    whoami groups uname hostname arch nproc sleep jq yq column fold fmt expr find locate od xxd hexdump strings ps pgrep pstree lsof env printenv
    man help sed awk gawk cd pushd popd tsc eslint less more bat`).map((name) => [name, 'low'] as const),
  // They destroy data, change rights or the machine, stop what runs, or act as somebody else.
  ...names(`
    rm rmdir unlink shred truncate dd mkfs wipefs fdisk parted sgdisk blkdiscard format chmod chown chgrp chattr setfacl setcap mount umount kill
    killall pkill shutdown reboot halt poweroff init sudo su doas pkexec runuser crontab at systemctl service iptables ip6tables nft useradd usermod
    userdel groupadd passwd chpasswd visudo insmod rmmod modprobe sysctl swapoff losetup cryptsetup lvremove nsenter chroot unshare
    docker podman kubectl helm terraform gpg openssl ssh-keygen ssh-add history nc ncat netcat socat telnet`).map((name) => [name, 'high'] as const),
]);
const order: readonly Risk[] = ['low', 'medium', 'high'];
const worse = (one: Risk, other: Risk): Risk => (order.indexOf(one) >= order.indexOf(other) ? one : other);

/** How much harm a command may do, by rules alone. With a policy, what is close to a deny rule counts as high. */
export function shellRisk(command: string, policy?: CompiledPolicy): Risk {
  const script = readTree(command);
  const { started, opaque } = findStarted(script);
  if (script.problem !== null || opaque.length > 0 || suspiciousCharacter(command) !== null) return 'high';
  let risk: Risk = started.length === 0 ? 'medium' : 'low';
  for (const one of started) {
    risk = worse(risk, startedRisk(one, policy));
    if (risk === 'high') return risk;
  }
  return script.shape.some((shape) => shape.includes('background')) ? worse(risk, 'medium') : risk;
}

function startedRisk({ words, targets, assignments }: Started, policy: CompiledPolicy | undefined): Risk {
  const [first, ...rest] = words;
  if (!first) return targets.some(({ text }) => mayTouchSecret(text) || trustedFile.test(text)) ? 'high' : 'medium';
  const name = baseName(first.text);
  if (policy && rulesNaming(policy.deny, first).length > 0) return 'high';
  if (evaluators.has(name) || [...words, ...targets].some(({ text }) => mayTouchSecret(text))) return 'high';
  if (targets.some(({ text }) => trustedFile.test(text))) return 'high';
  const writes = targets.some(({ text }) => text !== '/dev/null' && !/^[\d-]+$/.test(text));
  const own = ownRisk(name, rest.map(({ text }) => text));
  if (own !== 'low' && rest.some(({ text }) => trustedFile.test(text))) return 'high';
  const unusual = own === 'low' && escapeOption([name], rest) !== null;
  return worse(own, writes || unusual || assignments.length > 0 ? 'medium' : 'low');
}

function ownRisk(name: string, rest: readonly string[]): Risk {
  if (name === 'git') return gitRisk(rest);
  if (name === 'find' && rest.some((word) => word === '-delete')) return 'high';
  if (name.startsWith('mkfs.')) return 'high';
  const known = risks.get(name);
  if (known !== undefined) return known;
  if (isInterpreter(name) && rest.length === 1 && /^(--version|--help|-V)$/.test(rest[0] ?? '')) return 'low';
  return 'medium';
}

function gitRisk(rest: readonly string[]): Risk {
  const verb = rest.find((word) => !word.startsWith('-')) ?? '';
  if (/^(status|log|diff|show|shortlog|describe|rev-parse|rev-list|ls-files|ls-tree|blame|grep|show-ref|cat-file|merge-base|for-each-ref|name-rev)$/.test(verb)) return 'low';
  const forced = rest.some((word) => /^(--force.*|--hard|--mirror|--delete|-[a-zA-Z]*[fdD][a-zA-Z]*|\+.+)$/.test(word));
  return /^(filter-branch|filter-repo)$/.test(verb) || (forced && /^(push|reset|clean|branch|checkout|tag|worktree)$/.test(verb)) ? 'high' : 'medium';
}
