/** How much of an account's texts stays on this computer. */
import { count, size } from "./numbers.ts";

/** Days that are offered; null for any age. */
export const TEXT_AGES = [null, 365, 90, 30] as const;

/** Octets that are offered; null for any number. */
export const TEXT_ROOMS = [500_000_000, 2_000_000_000, 10_000_000_000, null] as const;

export function ageWords(days: number | null): string {
  if (days === null) {
    return "Of any age";
  }
  return days === 365 ? "Of the last year" : `Of the last ${count(days, "day", "days")}`;
}

export function roomWords(octets: number | null): string {
  return octets === null ? "As much as they need" : `Up to ${size(octets)}`;
}
