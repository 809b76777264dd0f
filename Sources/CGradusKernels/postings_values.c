#include "postings_values.h"
#include <string.h>

// Numbers of a block, in one of four forms. The head says which: the least width of a group, GRD_GROUPED where groups of 16
// differ in width, GRD_PATCHED where some numbers are wider than their group.
//
//     widths      where grouped: 4 bits for each group, what its width exceeds the least by; the lower half of a byte first
//     packed      the lower bits of all numbers, each group as wide as it is
//     exceptions  where patched: their number less 1 (3 bits) and the bits of their upper parts less 1 (5 bits), a byte for the
//                 place of each, ascending, and the upper parts, packed

#define MOST_WIDTH 32
/// What a group's width may exceed the least one by.
#define WIDTH_SPREAD 15
/// Bits that the place of an exception takes.
#define PLACE_BITS 8
/// Exceptions must save so many bytes, and widths of groups so many more: less is not worth the time that reading them takes.
#define PATCHING_GAIN 2
#define GROUPING_GAIN 4

static inline size_t least(size_t a, size_t b) { return a < b ? a : b; }
static inline uint32_t bit_width(uint32_t value) { return value == 0 ? 0 : 32 - (uint32_t)__builtin_clz(value); }
static inline uint32_t low_bits(uint32_t bits) { return (uint32_t)((1ULL << bits) - 1); }

// Choosing

typedef struct {
  size_t groups;
  /// Numbers of each group.
  size_t sizes[GRD_GROUPS];
  /// Bits of each group's widest number, and of all groups'.
  uint32_t tops[GRD_GROUPS];
  uint32_t top;
  /// By group and width, how many numbers are wider.
  uint8_t wider[GRD_GROUPS][MOST_WIDTH + 1];
} histogram;

typedef struct {
  int is_grouped;
  uint32_t widths[GRD_GROUPS];
  size_t exceptions;
  /// Bits of the widest upper part.
  uint32_t upper_bits;
  size_t bytes;
} form;

static void measure(const uint32_t *values, size_t count, histogram *histogram) {
  histogram->groups = (count + GRD_GROUP - 1) / GRD_GROUP;
  histogram->top = 0;
  for (size_t g = 0; g < histogram->groups; g++) {
    const size_t first = g * GRD_GROUP, size = least(GRD_GROUP, count - first);
    uint8_t *wider = histogram->wider[g];
    memset(wider, 0, MOST_WIDTH + 1);
    uint32_t all = 0;
    for (size_t i = first; i < first + size; i++) {
      all |= values[i];
      wider[bit_width(values[i])]++;
    }
    uint8_t sum = 0;
    const uint32_t top = bit_width(all);
    for (uint32_t bits = top + 1; bits-- > 0;) {
      const uint8_t here = wider[bits];
      wider[bits] = sum;
      sum += here;
    }
    histogram->sizes[g] = size;
    histogram->tops[g] = top;
    if (top > histogram->top) histogram->top = top;
  }
}

/// Bytes of the table of widths.
static inline size_t table_bytes(size_t groups) { return (groups + 1) / 2; }

static inline size_t exception_bytes(size_t exceptions, uint32_t upper_bits) {
  return exceptions == 0 ? 0 : 1 + exceptions + (exceptions * upper_bits + 7) / 8;
}

/// One width for all numbers.
static void choose_width(const histogram *histogram, size_t count, form *best) {
  uint32_t width = histogram->top;
  best->is_grouped = 0;
  best->exceptions = 0;
  best->upper_bits = 0;
  const size_t plain = (count * width + 7) / 8;
  best->bytes = plain;
  for (uint32_t bits = histogram->top; bits-- > 0;) {
    size_t exceptions = 0;
    for (size_t g = 0; g < histogram->groups; g++) exceptions += histogram->wider[g][bits];
    if (exceptions > GRD_EXCEPTIONS) break;
    const size_t bytes = (count * bits + 7) / 8 + exception_bytes(exceptions, histogram->top - bits);
    if (bytes >= best->bytes || bytes + PATCHING_GAIN > plain) continue;
    width = bits;
    best->exceptions = exceptions;
    best->upper_bits = histogram->top - bits;
    best->bytes = bytes;
  }
  for (size_t g = 0; g < GRD_GROUPS; g++) best->widths[g] = width;
}

/// A width for each group, where upper parts have `upper_bits` at most. most: bytes beyond which it is not worth while.
static void choose_widths(const histogram *histogram, uint32_t upper_bits, size_t most, form *best) {
  form found = {.is_grouped = 1};
  uint32_t greatest = 0;
  for (size_t g = 0; g < histogram->groups; g++) {
    const uint32_t top = histogram->tops[g], price = PLACE_BITS + upper_bits;
    const uint32_t lowest = top > upper_bits ? top - upper_bits : 0;
    uint32_t cost = top * (uint32_t)histogram->sizes[g], width = top;
    for (uint32_t bits = top; bits-- > lowest;) {
      const uint32_t wider = histogram->wider[g][bits];
      if (wider > GRD_EXCEPTIONS) break;
      const uint32_t other = bits * (uint32_t)histogram->sizes[g] + wider * price;
      if (other < cost) cost = other, width = bits;
    }
    found.widths[g] = width;
    if (width > greatest) greatest = width;
  }
  size_t bits = 0;
  for (size_t g = 0; g < histogram->groups; g++) {
    if (found.widths[g] + WIDTH_SPREAD < greatest) found.widths[g] = greatest - WIDTH_SPREAD;
    const uint32_t top = histogram->tops[g], width = found.widths[g];
    bits += width * histogram->sizes[g];
    if (width >= top) continue;
    found.exceptions += histogram->wider[g][width];
    if (top - width > found.upper_bits) found.upper_bits = top - width;
  }
  if (found.exceptions > GRD_EXCEPTIONS) return;
  found.bytes = table_bytes(histogram->groups) + (bits + 7) / 8 + exception_bytes(found.exceptions, found.upper_bits);
  if (found.bytes < best->bytes && found.bytes <= most) *best = found;
}

// Encoding

static size_t write_form(const form *form, const uint32_t *values, size_t count, uint8_t *head, uint8_t *out) {
  const size_t groups = (count + GRD_GROUP - 1) / GRD_GROUP;
  uint32_t smallest = form->widths[0];
  for (size_t g = 1; g < groups; g++)
    if (form->widths[g] < smallest) smallest = form->widths[g];
  *head = (uint8_t)(smallest | (form->is_grouped ? GRD_GROUPED : 0) | (form->exceptions > 0 ? GRD_PATCHED : 0));
  size_t length = 0;
  if (form->is_grouped) {
    length = table_bytes(groups);
    memset(out, 0, length);
    for (size_t g = 0; g < groups; g++) out[g / 2] |= (uint8_t)((form->widths[g] - smallest) << (g % 2 * 4));
  }
  uint32_t lower[GRD_BLOCK], upper[GRD_EXCEPTIONS];
  uint8_t places[GRD_EXCEPTIONS];
  size_t exceptions = 0;
  for (size_t i = 0; i < count; i++) {
    const uint32_t width = form->widths[i / GRD_GROUP];
    lower[i] = values[i] & low_bits(width);
    if (lower[i] == values[i]) continue;
    places[exceptions] = (uint8_t)i;
    upper[exceptions++] = values[i] >> width;
  }
  if (form->is_grouped) {
    for (size_t first = 0; first < count; first += GRD_GROUP)
      length += grd_pack_u32(
        lower + first, least(GRD_GROUP, count - first), form->widths[first / GRD_GROUP], out + length);
  } else {
    length += grd_pack_u32(lower, count, smallest, out + length);
  }
  if (exceptions == 0) return length;
  out[length++] = (uint8_t)((exceptions - 1) | (form->upper_bits - 1) << 3);
  memcpy(out + length, places, exceptions);
  length += exceptions;
  return length + grd_pack_u32(upper, exceptions, form->upper_bits, out + length);
}

size_t grd_encode_values(const uint32_t *values, size_t count, uint8_t *head, uint8_t *out) {
  histogram histogram;
  form best;
  measure(values, count, &histogram);
  choose_width(&histogram, count, &best);
  if (histogram.groups > 1 && best.bytes >= table_bytes(histogram.groups) + GROUPING_GAIN) {
    const size_t most = best.bytes - GROUPING_GAIN;
    for (uint32_t upper_bits = 0; upper_bits <= histogram.top; upper_bits++)
      choose_widths(&histogram, upper_bits, most, &best);
  }
  return write_form(&best, values, count, head, out);
}

// Decoding

#define EACH_BYTE 0x0101010101010101ULL
#define TOP_BITS (128 * EACH_BYTE)

/// The first `count <= 8` bytes of a word.
static inline uint64_t first_bytes(size_t count) { return count == 8 ? UINT64_MAX : (1ULL << 8 * count) - 1; }

static inline uint64_t load_word(const uint8_t *in) {
  uint64_t word;
  memcpy(&word, in, sizeof word);
  return word;
}

/// Whether one of eight widths, a byte each and below 128, is above `limit`.
static inline int exceeds(uint64_t widths, uint32_t limit) {
  return ((widths + (127 - limit) * EACH_BYTE) & TOP_BITS) != 0;
}

/// Reads the widths of all groups, a byte each. Returns the bits of all values, or SIZE_MAX where a width is too great.
static inline size_t read_widths(const uint8_t *in, uint32_t smallest, size_t count, grd_compact_values *values) {
  const size_t groups = (count + GRD_GROUP - 1) / GRD_GROUP;
  uint64_t widths = load_word(in) & UINT32_MAX;
  widths = (widths | widths << 16) & 0x0000FFFF0000FFFFULL;
  widths = (widths | widths << 8) & 0x00FF00FF00FF00FFULL;
  widths = (widths | widths << 4) & 0x0F0F0F0F0F0F0F0FULL;
  widths = (widths + smallest * EACH_BYTE) & first_bytes(groups);
  if (exceeds(widths, MOST_WIDTH)) return SIZE_MAX;
  memcpy(values->widths, &widths, sizeof widths);
  // The sum may be 256: in two bytes each.
  const uint64_t pairs = (widths & 0x00FF00FF00FF00FFULL) + (widths >> 8 & 0x00FF00FF00FF00FFULL);
  const size_t sum = (size_t)(pairs * 0x0001000100010001ULL >> 48);
  return GRD_GROUP * sum - (groups * GRD_GROUP - count) * values->widths[groups - 1];
}

/// Whether places ascend strictly and are below `count`.
static inline int are_places(const uint8_t *in, size_t exceptions, size_t count) {
  const uint64_t all = first_bytes(exceptions), places = load_word(in) & all;
  if ((places & TOP_BITS) != 0 || ((places + (128 - count) * EACH_BYTE) & TOP_BITS & all) != 0) return 0;
  // No byte borrows from the next: 128 + a place is no less than 1 + another.
  const uint64_t steps = (places >> 8 | TOP_BITS) - (places + EACH_BYTE);
  return (~steps & TOP_BITS & all >> 8) == 0;
}

/// Finds the parts of values whose head is above 32. Returns their bytes, or GRD_NO_VALUES.
static inline size_t parse(
  uint8_t head, const uint8_t *in, size_t available, size_t count, grd_compact_values *values) {
  const uint32_t smallest = head & ~(GRD_GROUPED | GRD_PATCHED);
  if (smallest > MOST_WIDTH || available < GRD_SLACK) return GRD_NO_VALUES;
  values->count = count;
  values->is_grouped = (head & GRD_GROUPED) != 0;
  values->exceptions = 0;
  size_t length = 0, packed = count * smallest;
  if (values->is_grouped) {
    packed = read_widths(in, smallest, count, values);
    if (packed == SIZE_MAX) return GRD_NO_VALUES;
    length = table_bytes((count + GRD_GROUP - 1) / GRD_GROUP);
  } else {
    memset(values->widths, (int)smallest, sizeof values->widths);
  }
  values->packed = in + length;
  length += (packed + 7) / 8;
  if (length + GRD_SLACK > available) return GRD_NO_VALUES;
  if ((head & GRD_PATCHED) == 0) return length;
  const uint8_t form = in[length++];
  values->exceptions = (form & 7) + 1;
  values->upper_bits = (form >> 3) + 1;
  values->places = in + length;
  values->upper = values->places + values->exceptions;
  length += exception_bytes(values->exceptions, values->upper_bits) - 1;
  if (length + GRD_SLACK > available || !are_places(values->places, values->exceptions, count)) return GRD_NO_VALUES;
  return length;
}

typedef uint32_t unpack_function(const grd_compact_values *values, uint32_t *out);

static inline size_t decode_compact(
  uint8_t head, const uint8_t *in, size_t available, size_t count, uint32_t *out, uint32_t *bits, unpack_function unpack) {
  grd_compact_values values;
  const size_t length = parse(head, in, available, count, &values);
  if (length == GRD_NO_VALUES) return GRD_NO_VALUES;
  const uint32_t widest = unpack(&values, out);
  if (widest > MOST_WIDTH) return GRD_NO_VALUES;
  // Whether there are any of more than 24 bits is all that readers want to know.
  *bits = exceeds(load_word(values.widths), 24) ? MOST_WIDTH : widest > 24 ? widest : 24;
  return length;
}

size_t grd_decode_compact(uint8_t head, const uint8_t *in, size_t available, size_t count, uint32_t *out, uint32_t *bits) {
  return decode_compact(head, in, available, count, out, bits, grd_unpack_compact);
}

size_t grd_decode_values(uint8_t head, const uint8_t *in, size_t available, size_t count, uint32_t *out, uint32_t *bits) {
  return grd_read_values(head, in, available, count, out, bits);
}

size_t grd_decode_values_scalar(
  uint8_t head, const uint8_t *in, size_t available, size_t count, uint32_t *out, uint32_t *bits) {
  if (head <= MOST_WIDTH) {
    const size_t length = (count * head + 7) / 8;
    if (length + GRD_SLACK > available) return GRD_NO_VALUES;
    grd_unpack_u32_scalar(in, count, head, out);
    *bits = head;
    return length;
  }
  return decode_compact(head, in, available, count, out, bits, grd_unpack_compact_scalar);
}
