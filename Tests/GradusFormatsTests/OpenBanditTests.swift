import GradusFormats
import GradusTestSupport
import Testing

@Suite("Open Bandit logs")
struct OpenBanditTests {
  private func read(_ text: String) throws -> [OpenBanditImpression] {
    let path = try TemporaryFolder.makeFile(text, "log.csv")
    do {
      return try OpenBanditReader.read(path)
    } catch let error as OpenBanditError {
      #expect(error.file == path && error.description.hasPrefix("\(path):\(error.line): "))
      throw Found(line: error.line, reason: error.reason)
    }
  }

  private struct Found: Error, Equatable {
    let line: Int
    let reason: OpenBanditError.Reason
  }

  @Test("Columns are found by name; others are left alone")
  func columns() throws {
    #expect(
      try read("time,click,item_id,position,propensity_score\n2019,1,14,3,0.25\n2020,0,3,1,1\n") == [
        OpenBanditImpression(item: "14", position: 3, wasClicked: true, propensity: 0.25),
        OpenBanditImpression(item: "3", position: 1, wasClicked: false, propensity: 1),
      ])
    #expect(try read("item_id,position,click,propensity_score\n").isEmpty)
  }

  @Test("A line that is not one is named, with what was expected", arguments: [
    ("item_id,position,click\n", 1, OpenBanditError.Reason.missingColumn("propensity_score")),
    ("item_id,position,click,propensity_score\n1,2,0\n", 2, .fieldCount(expected: 4, found: 3)),
    (
      "item_id,position,click,propensity_score\n1,0,0,1\n", 2,
      .value(column: "position", found: "0", expected: "a position from 1")
    ),
    ("item_id,position,click,propensity_score\n1,1,2,1\n", 2, .value(column: "click", found: "2", expected: "0 or 1")),
    (
      "item_id,position,click,propensity_score\n1,1,1,0.5\n1,1,0,0\n", 3,
      .value(column: "propensity_score", found: "0", expected: "a probability above 0")
    ),
  ])
  func errors(text: String, line: Int, reason: OpenBanditError.Reason) throws {
    #expect(throws: Found(line: line, reason: reason)) { try read(text) }
  }
}
