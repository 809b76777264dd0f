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
    default: processorFeatures.contains("NEON") ? "NEON" : "portable"
    }
  }

  /// False where only the slow twins of the kernels can run: an x86-64 processor without AVX2.
  public static var isFast: Bool { instructionSet != "portable" }

  private static let featureNames: [(bit: Int, name: String)] = [
    (GRD_CPU_AVX2, "AVX2"), (GRD_CPU_FMA, "FMA"), (GRD_CPU_AVX512, "AVX-512"), (GRD_CPU_AVX512_VNNI, "AVX-512 VNNI"),
    (GRD_CPU_AVX512_BF16, "AVX-512 BF16"), (GRD_CPU_AVX512_FP16, "AVX-512 FP16"), (GRD_CPU_AMX_BF16, "AMX BF16"),
    (GRD_CPU_AMX_INT8, "AMX INT8"), (GRD_CPU_NEON, "NEON"), (GRD_CPU_NEON_DOT, "NEON dot products"),
  ]

  /// Features that the kernels or oneDNN can use and that processor and operating system offer.
  public static var processorFeatures: [String] {
    let features = Int(grd_cpu_features())
    return featureNames.filter { features & $0.bit != 0 }.map(\.name)
  }

  /// Version of the oneDNN that matrix products run on, such as `3.1.0`.
  public static var oneDNNVersion: String {
    let version = grd_onednn_version()
    return "\(version / 10_000).\(version / 100 % 100).\(version % 100)"
  }
}
