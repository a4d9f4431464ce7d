// A length on the line: what was written beside what was asked for, and the words within which it is on target.
const ROOM = 1.25; // the line ends a quarter beyond what was asked for

export function measure(line, words, asked, band) {
  const whole = Math.max(asked * ROOM, words), [low, high] = band ?? [0, 0];
  for (const [name, at] of Object.entries({ star: words, asked, low, high })) line.style.setProperty(`--${name}`, `${Math.min(100, (at / whole) * 100)}%`);
  line.setAttribute("aria-label", `Asked for ${asked} words, written ${words}`);
}
