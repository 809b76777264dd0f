#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// XGBoost's shared library, opened when it is first needed: nothing links it, and a machine without it lacks boosted trees
/// alone.
///
///     let library = try XGBoostLibrary.shared.get()
///     library.version   // "1.7.4"
///
/// Looked for under `GRADUS_XGBOOST` (a path), then as the system's loader finds `libxgboost.so`. Versions 1.6 and newer have
/// all functions that are asked for.
public final class XGBoostLibrary: Sendable {
  typealias Handle = UnsafeMutableRawPointer
  typealias Text = UnsafePointer<CChar>

  /// The library, or why it cannot be had.
  public static let shared: Result<XGBoostLibrary, XGBoostError> = {
    do throws(XGBoostError) {
      return .success(try XGBoostLibrary(getenv("GRADUS_XGBOOST").map { [String(cString: $0)] } ?? fileNames))
    } catch {
      return .failure(error)
    }
  }()

  #if os(macOS)
  static let fileNames = ["libxgboost.dylib", "/opt/homebrew/lib/libxgboost.dylib", "/usr/local/lib/libxgboost.dylib"]
  #else
  static let fileNames = ["libxgboost.so.0", "libxgboost.so"]
  #endif

  /// The file that was opened.
  public let path: String
  public let version: String

  private let lastError: @convention(c) () -> Text?
  let createMatrix: @convention(c) (UnsafePointer<Float>?, UInt64, UInt64, Float, UnsafeMutablePointer<Handle?>?) -> Int32
  let setFloats: @convention(c) (Handle?, Text?, UnsafePointer<Float>?, UInt64) -> Int32
  let setUnsigned: @convention(c) (Handle?, Text?, UnsafePointer<UInt32>?, UInt64) -> Int32
  let freeMatrix: @convention(c) (Handle?) -> Int32
  let createBooster: @convention(c) (UnsafePointer<Handle?>?, UInt64, UnsafeMutablePointer<Handle?>?) -> Int32
  let freeBooster: @convention(c) (Handle?) -> Int32
  let setParameter: @convention(c) (Handle?, Text?, Text?) -> Int32
  let update: @convention(c) (Handle?, Int32, Handle?) -> Int32
  let boost: @convention(c) (Handle?, Handle?, UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?, UInt64) -> Int32
  let predict:
    @convention(c) (
      Handle?, Handle?, Int32, UInt32, Int32, UnsafeMutablePointer<UInt64>?, UnsafeMutablePointer<UnsafePointer<Float>?>?
    ) -> Int32
  let save: @convention(c) (Handle?, Text?, UnsafeMutablePointer<UInt64>?, UnsafeMutablePointer<Text?>?) -> Int32
  let load: @convention(c) (Handle?, UnsafeRawPointer?, UInt64) -> Int32
  let slice: @convention(c) (Handle?, Int32, Int32, Int32, UnsafeMutablePointer<Handle?>?) -> Int32
  let rounds: @convention(c) (Handle?, UnsafeMutablePointer<Int32>?) -> Int32
  let features: @convention(c) (Handle?, UnsafeMutablePointer<UInt64>?) -> Int32

  /// Opens the first of these files that can be opened. The library stays open until the process ends.
  init(_ names: [String]) throws(XGBoostError) {
    var reasons: [String] = []
    var opened: (handle: UnsafeMutableRawPointer, name: String)?
    for name in names where opened == nil {
      // Bound at once, so that a library that lacks a part is refused here and not in the middle of a training.
      if let handle = dlopen(name, RTLD_NOW | RTLD_LOCAL) {
        opened = (handle, name)
      } else {
        reasons.append(dlerror().map { String(cString: $0) } ?? "\(name): cannot be opened")
      }
    }
    guard let (handle, name) = opened else { throw .libraryMissing(reasons: reasons) }
    func symbol<Function>(_ function: String, as type: Function.Type) throws(XGBoostError) -> Function {
      guard let address = dlsym(handle, function) else { throw .functionMissing(function, library: name) }
      return unsafeBitCast(address, to: type)
    }
    lastError = try symbol("XGBGetLastError", as: (@convention(c) () -> Text?).self)
    createMatrix = try symbol(
      "XGDMatrixCreateFromMat",
      as: (@convention(c) (UnsafePointer<Float>?, UInt64, UInt64, Float, UnsafeMutablePointer<Handle?>?) -> Int32).self)
    setFloats = try symbol(
      "XGDMatrixSetFloatInfo", as: (@convention(c) (Handle?, Text?, UnsafePointer<Float>?, UInt64) -> Int32).self)
    setUnsigned = try symbol(
      "XGDMatrixSetUIntInfo", as: (@convention(c) (Handle?, Text?, UnsafePointer<UInt32>?, UInt64) -> Int32).self)
    freeMatrix = try symbol("XGDMatrixFree", as: (@convention(c) (Handle?) -> Int32).self)
    createBooster = try symbol(
      "XGBoosterCreate",
      as: (@convention(c) (UnsafePointer<Handle?>?, UInt64, UnsafeMutablePointer<Handle?>?) -> Int32).self)
    freeBooster = try symbol("XGBoosterFree", as: (@convention(c) (Handle?) -> Int32).self)
    setParameter = try symbol("XGBoosterSetParam", as: (@convention(c) (Handle?, Text?, Text?) -> Int32).self)
    update = try symbol("XGBoosterUpdateOneIter", as: (@convention(c) (Handle?, Int32, Handle?) -> Int32).self)
    boost = try symbol(
      "XGBoosterBoostOneIter",
      as: (@convention(c) (Handle?, Handle?, UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?, UInt64) -> Int32).self)
    predict = try symbol(
      "XGBoosterPredict",
      as: (@convention(c) (
        Handle?, Handle?, Int32, UInt32, Int32, UnsafeMutablePointer<UInt64>?, UnsafeMutablePointer<UnsafePointer<Float>?>?
      ) -> Int32).self)
    save = try symbol(
      "XGBoosterSaveModelToBuffer",
      as: (@convention(c) (Handle?, Text?, UnsafeMutablePointer<UInt64>?, UnsafeMutablePointer<Text?>?) -> Int32).self)
    load = try symbol("XGBoosterLoadModelFromBuffer", as: (@convention(c) (Handle?, UnsafeRawPointer?, UInt64) -> Int32).self)
    slice = try symbol(
      "XGBoosterSlice", as: (@convention(c) (Handle?, Int32, Int32, Int32, UnsafeMutablePointer<Handle?>?) -> Int32).self)
    rounds = try symbol(
      "XGBoosterBoostedRounds", as: (@convention(c) (Handle?, UnsafeMutablePointer<Int32>?) -> Int32).self)
    features = try symbol(
      "XGBoosterGetNumFeature", as: (@convention(c) (Handle?, UnsafeMutablePointer<UInt64>?) -> Int32).self)
    typealias Number = UnsafeMutablePointer<Int32>?
    let versionOf = try symbol("XGBoostVersion", as: (@convention(c) (Number, Number, Number) -> Void).self)
    var (major, minor, patch): (Int32, Int32, Int32) = (0, 0, 0)
    versionOf(&major, &minor, &patch)
    version = "\(major).\(minor).\(patch)"
    path = name
  }

  /// - Throws: ``XGBoostError/failed(_:)`` with the library's own words unless `status` is 0.
  func check(_ status: Int32) throws(XGBoostError) {
    guard status != 0 else { return }
    let text = lastError().map { String(cString: $0) } ?? "no reason given"
    // The library's texts go on with a trace of its own functions.
    let lines = text.split(separator: "\n").prefix { !$0.hasPrefix("Stack trace") }
    throw .failed(lines.joined(separator: " "))
  }
}

/// Why boosted trees cannot be trained or used.
public enum XGBoostError: GradusError, Equatable {
  case libraryMissing(reasons: [String])
  /// The library is too old.
  case functionMissing(String, library: String)
  /// What the library said.
  case failed(String)
  /// A setting that cannot be meant.
  case setting(name: String, found: String, expected: String)
  /// Rows have another number of features than the trees were grown on.
  case features(expected: Int, found: Int)
  /// `rank:ndcg` has gains of `2^grade - 1` in 32 bits.
  case grade(qid: String, docno: String, grade: Int)
  /// All queries have one row, or all rows of every query the same grade.
  case nothingToLearn

  public var failureKind: FailureKind {
    switch self {
    case .libraryMissing: .missingInput
    case .functionMissing, .failed: .failed
    case .setting: .usage
    case .features, .grade, .nothingToLearn: .badData
    }
  }

  public var description: String {
    switch self {
    case .libraryMissing(let reasons):
      "boosted trees need XGBoost, which is not here: apt-get install libxgboost-dev, or set GRADUS_XGBOOST to libxgboost.so ("
        + reasons.joined(separator: "; ") + ")"
    case .functionMissing(let name, let library):
      "\(library) has no function \(name); XGBoost 1.6 or newer is needed (apt-get install libxgboost-dev)"
    case .failed(let text): "XGBoost: \(text)"
    case .setting(let name, let found, let expected): "\(name) is \(found), expected \(expected)"
    case .features(let expected, let found): "the trees were grown on \(expected) features, a row has \(found)"
    case .grade(let qid, let docno, let grade):
      "document \(docno) of query \(qid) has grade \(grade); boosted trees take grades up to 31"
    case .nothingToLearn: "no query has two documents of different grades; there is nothing to learn an order from"
    }
  }
}
