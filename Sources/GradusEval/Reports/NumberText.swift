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

/// A p value for people: `0.034`, `<0.001`, never `0.000`.
func pText(_ p: Double) -> String { p < 0.001 ? "<0.001" : fixed(p, 3) }

/// With its sign always shown: `+0.0123`, `-0.0045`.
func signed(_ value: Double, _ digits: Int) -> String { (value < 0 ? "" : "+") + fixed(value, digits) }

extension String {
  /// Padded with spaces on the right to `width` characters.
  func padded(_ width: Int) -> String { self + String(repeating: " ", count: Swift.max(0, width - count)) }

  /// Padded with spaces on the left.
  func leftPadded(_ width: Int) -> String { String(repeating: " ", count: Swift.max(0, width - count)) + self }
}
