#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

// The C library's functions by names of their own: `exp`, `log` and `pow` are tensor operations in the files that use these.

func exponential(_ x: Double) -> Double { exp(x) }
func logarithm(_ x: Double) -> Double { log(x) }
func reciprocalPower(_ x: Double, _ exponent: Double) -> Double { pow(x, -exponent) }
