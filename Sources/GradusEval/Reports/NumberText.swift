#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// `value` with `digits` decimals, rounded as C's `printf("%.*f")` does; `nan`, `inf` and `-inf` as they are.
func fixed(_ value: Double, _ digits: Int) -> String {
  guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
  var buffer = [CChar](repeating: 0, count: 350)
  let length = withVaList([Int32(digits), value]) { vsnprintf(&buffer, buffer.count, "%.*f", $0) }
  return String(decoding: buffer.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// A p value for people: `0.0498`, `<0.0001`, never `0.0000`.
func pText(_ p: Double) -> String { p < 0.0001 ? "<0.0001" : fixed(p, 4) }

/// `1 query`, `3 queries`.
func queryCount(_ count: Int) -> String { count == 1 ? "1 query" : "\(count) queries" }

/// With its sign always shown: `+0.0123`, `-0.0045`.
func signed(_ value: Double, _ digits: Int) -> String { (value < 0 ? "" : "+") + fixed(value, digits) }

extension String {
  /// Padded with spaces on the right to `width` characters.
  func padded(_ width: Int) -> String { self + String(repeating: " ", count: Swift.max(0, width - count)) }

  /// Padded with spaces on the left.
  func leftPadded(_ width: Int) -> String { String(repeating: " ", count: Swift.max(0, width - count)) + self }
}
