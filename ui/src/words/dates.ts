/** Dates as a list, a message and a sentence show them. Times are Unix seconds. */
import { WORDS_LOCALE } from "./numbers.ts";

/** The system's language, or English where it names none: `C` and `POSIX` are no language tags. */
export function languageTag(language: string | undefined): string {
  try {
    return Intl.getCanonicalLocales(language ?? WORDS_LOCALE)[0] ?? WORDS_LOCALE;
  } catch {
    return "en-GB";
  }
}

const SYSTEM_LOCALE = languageTag(globalThis.navigator?.language);
/** English words in the system's own order; outside of the United States the day comes first. */
const DATE_LOCALE = SYSTEM_LOCALE.startsWith("en") ? SYSTEM_LOCALE : "en-GB";
/** 12 or 24 hours, as the system has it. */
const hourCycle = new Intl.DateTimeFormat(SYSTEM_LOCALE, { hour: "numeric" }).resolvedOptions()
  .hourCycle;

/** Made when it is first used: each takes its time, and a start needs only some. */
function format(options: Intl.DateTimeFormatOptions) {
  let made: Intl.DateTimeFormat | undefined;
  return {
    format: (time: Date | number): string =>
      (made ??= new Intl.DateTimeFormat(DATE_LOCALE, options)).format(time),
  };
}

const clock = format({
  hour: hourCycle?.startsWith("h1") ? "numeric" : "2-digit",
  minute: "2-digit",
  hourCycle,
});
const weekday = format({ weekday: "short" });
const longWeekday = format({ weekday: "long" });
const dayAndMonth = format({ day: "numeric", month: "short" });
const withYear = format({ day: "numeric", month: "short", year: "numeric" });
const month = format({ month: "long" });
const monthAndYear = format({ month: "long", year: "numeric" });
const weekdayAndDay = format({ weekday: "short", day: "numeric", month: "short" });
const full = format({ dateStyle: "full", timeStyle: "long", hourCycle });
const relative = new Intl.RelativeTimeFormat(WORDS_LOCALE, { numeric: "auto" });

/** Whole days from `then` to `now` by the calendar. */
function daysBetween(then: Date, now: Date): number {
  const midnight = (date: Date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((midnight(now) - midnight(then)) / 86_400_000);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function clockTime(seconds: number): string {
  return clock.format(seconds * 1000);
}

/** Today 13:58, this week Mon, this year 12 Nov, else 12 Nov 2024. */
export function shortDate(seconds: number, now: Date = new Date()): string {
  const then = new Date(seconds * 1000);
  const days = daysBetween(then, now);
  if (days === 0) {
    return clock.format(then);
  }
  if (days > 0 && days < 7) {
    return weekday.format(then);
  }
  return then.getFullYear() === now.getFullYear()
    ? dayAndMonth.format(then)
    : withYear.format(then);
}

/** As above, with the time of day where the day is near. */
export function messageDate(seconds: number, now: Date = new Date()): string {
  const then = new Date(seconds * 1000);
  const days = daysBetween(then, now);
  return days === 0 || Math.abs(days) > 300
    ? shortDate(seconds, now)
    : `${shortDate(seconds, now)}, ${clock.format(then)}`;
}

/** All of it, for a tooltip. */
export function fullDate(seconds: number): string {
  return full.format(seconds * 1000);
}

/** The group of a list a date belongs to: Today, Yesterday, Sunday, Last week, October, 2024… */
export function dayGroup(seconds: number, now: Date = new Date()): string {
  const then = new Date(seconds * 1000);
  const days = daysBetween(then, now);
  if (days <= 1) {
    return capital(relative.format(-Math.max(days, 0), "day"));
  }
  if (days < 7) {
    return longWeekday.format(then);
  }
  if (days < 14) {
    return capital(relative.format(-1, "week"));
  }
  if (then.getFullYear() === now.getFullYear()) {
    return then.getMonth() === now.getMonth() ? "Earlier this month" : month.format(then);
  }
  return monthAndYear.format(then);
}

/** "in 2 minutes", "now". */
export function timeUntil(seconds: number, now: Date = new Date()): string {
  const left = seconds - now.getTime() / 1000;
  if (left < 50) {
    // Words do not count seconds down: they would be wrong as soon as they are read.
    return left > 0 ? "in less than a minute" : relative.format(0, "second");
  }
  return left < 3_000
    ? relative.format(Math.ceil(left / 60), "minute")
    : relative.format(Math.ceil(left / 3_600), "hour");
}

/** For a sentence that says since when: "2011", or "12 Nov" of this year. */
export function dayWords(seconds: number, now: Date = new Date()): string {
  const then = new Date(seconds * 1000);
  return then.getFullYear() === now.getFullYear()
    ? dayAndMonth.format(then)
    : String(then.getFullYear());
}

/** "March 2019". */
export function monthOf(seconds: number): string {
  return monthAndYear.format(seconds * 1000);
}

/** "14:05" today, "Thu 3 Dec" within a year, else "3 Dec 2027": a time ahead or behind. */
export function momentWords(seconds: number, now: Date = new Date()): string {
  const then = new Date(seconds * 1000);
  const days = Math.abs(daysBetween(then, now));
  if (days === 0) {
    return clock.format(then);
  }
  return days < 300 ? weekdayAndDay.format(then).replace(",", "") : withYear.format(then);
}
