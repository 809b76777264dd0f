import Foundation
import GradusCore
import GradusModels
@testable import GradusRecipes
import Testing

@Suite struct TrainingSettingsTests {
  @Test("Settings survive the way through JSON, and through their own names and values")
  func roundTrip() throws {
    var settings = TrainingSettings(architecture: .convKNRM)
    settings.curriculumEnd = nil
    settings.isAnti = true
    settings.curriculum = "kde(bandwidth=silverman)"
    settings.encoderLearningRate = 1.1e-5
    settings.gradientClipping = 0.3
    settings.microBatch = 2
    settings.layers = 3
    settings.exits = [2, 4]
    settings.gradientCache = 16
    settings.devQueries = nil
    settings.seed = .max
    #expect(try JSONDecoder().decode(TrainingSettings.self, from: JSONEncoder().encode(settings)) == settings)
    #expect(try TrainingSettings(values: settings.values) == settings)
    #expect(settings.values.map(\.name) == TrainingSettings.names)
    #expect(Set(TrainingSettings.names).count == TrainingSettings.names.count)
  }

  @Test("The defaults are those of the architecture, wherever its name stands")
  func architectureDefaults() throws {
    let settings = try TrainingSettings(values: [("epochs", "7"), ("architecture", "conv-knrm")])
    #expect(settings.epochs == 7 && settings.samplesPerEpoch == 512 && settings.loss == "pairwise-softmax")
    #expect(TrainingSettings().head == .similarity)
  }

  @Test("Names and values that mean nothing are refused, with the nearest one")
  func errors() throws {
    var settings = TrainingSettings()
    #expect(throws: SettingError.unknown("curiculum", nearest: "curriculum")) { try settings.set("curiculum", to: "kde") }
    let known = "one of none, recip, norm, kde, teacher (did you mean 'recip'?)"
    #expect(throws: SettingError.value(setting: "curriculum", found: "recipp", expected: known)) {
      try settings.set("curriculum", to: "recipp")
    }
    #expect(throws: SettingError.value(
      setting: "architecture", found: "bi-encder",
      expected: "one of cross-encoder, conv-knrm, bi-encoder (did you mean 'bi-encoder'?)")
    ) {
      try settings.set("architecture", to: "bi-encder")
    }
    let loss = #expect(throws: SettingError.self) { try settings.set("loss", to: "pairwise-hing(margin=2)") }
    #expect(
      loss?.description.hasPrefix(
        "loss: 'pairwise-hing(margin=2)' is not allowed; expected a name that is known (did you mean 'pairwise-hinge'?): ")
        == true)
    #expect(throws: SettingError.value(setting: "epochs", found: "0", expected: "a whole number of at least 1")) {
      try settings.set("epochs", to: "0")
    }
    #expect(
      throws: SettingError.value(setting: "curriculum-end", found: "x", expected: "a whole number of at least 1 or 'never'")
    ) {
      try settings.set("curriculum-end", to: "x")
    }
    settings.sampling = .pointwise
    #expect(throws: SettingError.self) { try settings.checkTogether() }
    settings = TrainingSettings()
    settings.isAnti = true
    #expect(throws: SettingError.self) { try settings.checkTogether() }
  }
}
