/* SPDX-License-Identifier: MIT */
/*
 * The CMOS clock (MC146818). Its registers change once a second and must not be read meanwhile:
 * they are read until two readings are the same. Years are 2000 to 2099.
 */
#include "rtc.h"

#include <stdbool.h>

#include "lib/bits.h"
#include "lib/string.h"
#include "machine/cpu.h"

#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
#define RTC_STATUS_A 0x0a
#define RTC_STATUS_B 0x0b
#define RTC_UPDATING 0x80
#define RTC_BINARY 0x04
#define RTC_24_HOURS 0x02
#define RTC_PM 0x80

enum rtc_field { RTC_SECOND, RTC_MINUTE, RTC_HOUR, RTC_DAY, RTC_MONTH, RTC_YEAR, RTC_FIELDS };

static const uint8_t rtc_registers[RTC_FIELDS] = {0, 2, 4, 7, 8, 9};

struct rtc_reading {
    uint8_t field[RTC_FIELDS];
};

static uint8_t cmos_read(uint8_t index) {
    io_out8(CMOS_INDEX, index);
    return io_in8(CMOS_DATA);
}

static void rtc_read_once(struct rtc_reading *r) {
    while (cmos_read(RTC_STATUS_A) & RTC_UPDATING)
        cpu_relax();
    for (unsigned i = 0; i < RTC_FIELDS; i++)
        r->field[i] = cmos_read(rtc_registers[i]);
}

static uint8_t from_bcd(uint8_t value) {
    return (uint8_t)((value >> 4) * 10 + (value & 15));
}

/* To binary, with hours from 0 to 23. */
static void rtc_decode(struct rtc_reading *r) {
    uint8_t status = cmos_read(RTC_STATUS_B);
    bool pm = r->field[RTC_HOUR] & RTC_PM;

    r->field[RTC_HOUR] &= (uint8_t)~RTC_PM;
    if (!(status & RTC_BINARY)) {
        for (unsigned i = 0; i < RTC_FIELDS; i++)
            r->field[i] = from_bcd(r->field[i]);
    }
    if (!(status & RTC_24_HOURS))
        r->field[RTC_HOUR] = (uint8_t)(r->field[RTC_HOUR] % 12 + (pm ? 12 : 0));
}

/* Days from 1970-01-01 to a date from 2000 on: every fourth year is a leap year until 2100. */
static uint64_t days_since_1970(unsigned year, unsigned month, unsigned day) {
    static const uint16_t days_before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    unsigned years = year - 2000;
    uint64_t days = 10957 + 365 * years + (years + 3) / 4;

    days += days_before[(month - 1) % 12] + day - 1;
    if (month > 2 && years % 4 == 0)
        days++;
    return days;
}

uint64_t rtc_read_seconds(void) {
    struct rtc_reading r, again;
    uint64_t days;

    do {
        rtc_read_once(&r);
        rtc_read_once(&again);
    } while (memcmp(&r, &again, sizeof(r)) != 0);
    rtc_decode(&r);
    days = days_since_1970(2000u + r.field[RTC_YEAR], r.field[RTC_MONTH], r.field[RTC_DAY]);
    return days * 86400 + r.field[RTC_HOUR] * 3600u + r.field[RTC_MINUTE] * 60u +
           r.field[RTC_SECOND];
}
