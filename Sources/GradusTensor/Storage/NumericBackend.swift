import CGradusKernels
import CGradusOneDNN

/// What the numeric kernels found on this machine: processor features, the instruction set in use, the matrix library.
///
///     print(NumericBackend.instructionSet, NumericBackend.oneDNNVersion)   // "AVX-512 3.1.0"
public enum NumericBackend {
  /// The instruction set that the kernels run with: the strongest that the processor has.
  public static var instructionSet: String {
    switch grd_isa_in_use() {
    case GRD_ISA_AVX512: "AVX-512"
    case GRD_ISA_AVX2: "AVX2"
    default: hasFeature(GRD_CPU_NEON) ? "NEON" : "portable"
    }
  }

  /// False where only the slow twins of the kernels can run: an x86-64 processor without AVX2.
  public static var isFast: Bool { instructionSet != "portable" }

  /// Features that the kernels or oneDNN can use and that processor and operating system offer.
  public static var processorFeatures: [String] {
    let names: [(UInt32, String)] = [
      (UInt32(GRD_CPU_AVX2.rawValue), "AVX2"), (UInt32(GRD_CPU_FMA.rawValue), "FMA"),
      (UInt32(GRD_CPU_AVX512.rawValue), "AVX-512"), (UInt32(GRD_CPU_AVX512_VNNI.rawValue), "AVX-512 VNNI"),
      (UInt32(GRD_CPU_AVX512_BF16.rawValue), "AVX-512 BF16"), (UInt32(GRD_CPU_AMX_BF16.rawValue), "AMX BF16"),
      (UInt32(GRD_CPU_AMX_INT8.rawValue), "AMX INT8"), (UInt32(GRD_CPU_NEON.rawValue), "NEON"),
    ]
    let features = grd_cpu_features()
    return names.filter { features & $0.0 != 0 }.map(\.1)
  }

  /// Version of the oneDNN that matrix products run on, such as `3.1.0`.
  public static var oneDNNVersion: String {
    let version = grd_onednn_version()
    return "\(version / 10_000).\(version / 100 % 100).\(version % 100)"
  }
}
