#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Numbers as reports print them.
enum NumberText {
  /// With `digits` decimals, rounded as C does.
  static func fixed(_ value: Double, _ digits: Int) -> String {
    var buffer = [CChar](repeating: 0, count: 350)
    let length = withVaList([Int32(digits), value]) { vsnprintf(&buffer, buffer.count, "%.*f", $0) }
    return String(decoding: buffer.prefix(Int(max(0, length))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// With its sign always shown.
  static func signed(_ value: Double, _ digits: Int) -> String { (value < 0 ? "" : "+") + fixed(value, digits) }

  static func p(_ p: Double) -> String { p < 0.0001 ? "<0.0001" : fixed(p, 4) }
}
