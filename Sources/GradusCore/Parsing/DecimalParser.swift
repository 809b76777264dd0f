#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Numbers in ASCII digits, parsed from bytes without building a `String`.
///
///     DecimalParser.double(Array("12.5e-1".utf8))   // 1.25
public enum DecimalParser {
  /// The nearest `Double` to a decimal number such as `-12`, `0.5`, `.5`, `1e-7`; nil for anything else.
  ///
  /// Correctly rounded: up to 2^53 with a power of ten up to 22 one exact division or multiplication suffices
  /// (Clinger, 1990); the rest goes to `strtod`. `nan`, `inf` and hexadecimal numbers are refused; a number beyond the
  /// range of `Double` gives an infinity, for the caller to judge.
  public static func double(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
    var index = 0
    var isNegative = false
    if let first = bytes.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
      isNegative = first == UInt8(ascii: "-")
      index = 1
    }
    var mantissa: UInt64 = 0
    var digits = 0
    var exponent = 0
    var seenPoint = false
    var isExact = true
    while index < bytes.count {
      let byte = bytes[index]
      let digit = byte &- UInt8(ascii: "0")
      if digit < 10 {
        digits += 1
        if mantissa < 900_000_000_000_000_000 {
          mantissa = mantissa &* 10 &+ UInt64(digit)
          if seenPoint { exponent -= 1 }
        } else {
          isExact = false
        }
      } else if byte == UInt8(ascii: "."), !seenPoint {
        seenPoint = true
      } else {
        break
      }
      index += 1
    }
    guard digits > 0 else { return nil }
    if index < bytes.count {
      guard bytes[index] | 0x20 == UInt8(ascii: "e") else { return nil }
      guard let written = integer(UnsafeBufferPointer(rebasing: bytes[(index + 1)...])) else {
        return isExponent(bytes[(index + 1)...]) ? viaStrtod(bytes) : nil
      }
      guard abs(written) < 10_000 else { return viaStrtod(bytes) }
      exponent += written
    }
    guard isExact, mantissa <= 1 << 53, abs(exponent) <= 22 else { return viaStrtod(bytes) }
    let value = exponent < 0 ? Double(mantissa) / powersOfTen[-exponent] : Double(mantissa) * powersOfTen[exponent]
    return isNegative ? -value : value
  }

  /// A whole number with an optional sign that fits `Int`; nil for anything else. `Int.min` itself is refused.
  public static func integer(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    var index = 0
    var isNegative = false
    if let first = bytes.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
      isNegative = first == UInt8(ascii: "-")
      index = 1
    }
    guard index < bytes.count else { return nil }
    var value = 0
    while index < bytes.count {
      let digit = bytes[index] &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      let (product, overflows) = value.multipliedReportingOverflow(by: 10)
      let (sum, carries) = product.addingReportingOverflow(Int(digit))
      if overflows || carries { return nil }
      value = sum
      index += 1
    }
    return isNegative ? -value : value
  }

  private static let powersOfTen: [Double] = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
  ]

  /// An exponent too long for `Int` is still an exponent.
  private static func isExponent(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
    let digits = bytes.first == UInt8(ascii: "-") || bytes.first == UInt8(ascii: "+") ? bytes.dropFirst() : bytes
    return !digits.isEmpty && digits.allSatisfy { $0 &- UInt8(ascii: "0") < 10 }
  }

  /// The grammar has been checked; `strtod` only rounds.
  private static func viaStrtod(_ bytes: UnsafeBufferPointer<UInt8>) -> Double {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { copy in
      for index in 0..<bytes.count { copy[index] = CChar(bitPattern: bytes[index]) }
      copy[bytes.count] = 0
      return strtod(copy.baseAddress.unsafelyUnwrapped, nil)
    }
  }
}
