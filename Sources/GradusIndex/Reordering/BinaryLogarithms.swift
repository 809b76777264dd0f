#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Logarithms of whole numbers, to the base 2, and the cost of posting lists by them.
struct BinaryLogarithms {
  private let values: [Double]

  /// - Parameter greatest: The greatest number that is asked for.
  init(greatest: Int) { values = [0] + (0..<greatest).map { log2(Double($0 + 1)) } }

  /// Of a number from 1 up.
  subscript(number: Int) -> Double { values[number] }

  /// Bits that the gaps of a term in `holding` of `documents` documents take, by estimate.
  func bits(_ holding: Int, of documents: Int) -> Double {
    Double(holding) * (values[documents] - values[holding + 1])
  }
}
