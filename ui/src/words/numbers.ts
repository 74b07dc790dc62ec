/** Numbers and sizes in words. English only for now; the formats follow the system. */
export const WORDS_LOCALE = "en";

const plural = new Intl.PluralRules(WORDS_LOCALE);
const numbers = new Intl.NumberFormat(WORDS_LOCALE);

export function number(value: number): string {
  return numbers.format(value);
}

/** "1 message", "2 messages". */
export function count(value: number, one: string, other: string): string {
  return `${number(value)} ${plural.select(value) === "one" ? one : other}`;
}

/** For small places. */
export function badge(value: number): string {
  return value > 999 ? "999+" : number(value);
}

const UNITS = ["kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** Octets as people read them. */
export function size(octets: number): string {
  if (octets < 1_000) {
    return count(octets, "byte", "bytes");
  }
  let value = octets;
  let unit: (typeof UNITS)[number] = UNITS[0];
  for (const next of UNITS) {
    value /= 1_000;
    unit = next;
    if (value < 999.5) {
      break;
    }
  }
  return new Intl.NumberFormat(WORDS_LOCALE, {
    style: "unit",
    unit,
    unitDisplay: "short",
    maximumFractionDigits: value < 10 && unit !== "kilobyte" ? 1 : 0,
  }).format(value);
}
