#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension SeededGenerator {
  /// Standard normal by Marsaglia's polar method. The second value of each pair is thrown away, so that the state is
  /// all there is to save.
  public mutating func normal() -> Double {
    while true {
      let x = 2 * uniform() - 1
      let y = 2 * uniform() - 1
      let square = x * x + y * y
      if square > 0 && square < 1 { return x * (-2 * log(square) / square).squareRoot() }
    }
  }

  /// Normal with standard deviation `standardDeviation`, redrawn until within two standard deviations, as BERT's
  /// weights are initialised.
  public mutating func truncatedNormal(standardDeviation: Double) -> Double {
    while true {
      let value = normal()
      if abs(value) <= 2 { return value * standardDeviation }
    }
  }
}
