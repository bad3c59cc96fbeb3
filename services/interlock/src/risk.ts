import type { Risk } from '@megabot/contracts/approval.ts';
import { suspiciousCharacter } from './policy/characters.ts';
import { baseName, evaluators, isInterpreter, wrappers } from './policy/programs.ts';
import { readScript } from './policy/script.ts';

const names = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** They only show something. */
const readers = names(`
  ls cat head tail wc pwd echo printf grep egrep fgrep rg stat file du df date which basename dirname realpath readlink tree true
  false test cmp diff sha256sum md5sum cksum nl tac rev cut tr uniq seq id whoami uname hostname sleep jq column fold expr`);
/** They destroy, change rights, reach out, or change the machine. */
const dangerous = names(`
  rm rmdir shred unlink truncate dd mkfs wipefs fdisk parted chmod chown chgrp chattr setfacl mount umount kill killall pkill
  shutdown reboot halt poweroff curl wget nc ncat netcat socat ssh scp sftp rsync ftp telnet sudo su doas pkexec crontab at
  systemctl service iptables nft useradd usermod passwd docker podman kubectl apt apt-get dpkg pip pip3 npm npx yarn pnpm gem
  cargo make gpg openssl`);
/** Files that other programs run or trust. */
const trusted = /(^|\/)(\.git\/|\.env|\.ssh\/|\.npmrc$|\.bashrc$|\.profile$|\.bash_profile$|\.gitconfig$|\.github\/|\.gitlab-ci|package\.json$|makefile$|dockerfile|agents\.md$|claude\.md$|node_modules\/\.bin\/|.*\.pem$|id_[a-z0-9]+$)/i;

/** How much harm a command may do, by rules alone, never by the model's word. */
export function shellRisk(command: string): Risk {
  const script = readScript(command);
  if (script.problem !== null || script.opaque || suspiciousCharacter(command) !== null) return 'high';
  let risk: Risk = 'low';
  for (const { words, targets } of script.commands) {
    const [first] = words;
    const name = baseName(first?.text ?? '');
    if (first?.dynamic || first?.glob || dangerous.has(name) || isInterpreter(name) || wrappers.has(name) || evaluators.has(name)) return 'high';
    if (words.some((word) => trusted.test(word.text)) && !readers.has(name)) return 'high';
    const writes = targets.some((target) => target.text !== '/dev/null' && !/^\d$/.test(target.text));
    if (writes || (name !== '' && !readers.has(name))) risk = 'medium';
    if (targets.some((target) => trusted.test(target.text))) return 'high';
  }
  return risk;
}
