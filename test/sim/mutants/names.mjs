// Mutants of names: what is looked at before a name goes.

const TWO = "names/two open what needs a place";
const CLOSES = "names/one opens what is there, another closes it and makes room";

export const NAME_MUTANTS = [
  {
    name: "names: what an owner asked for last may go",
    scenarios: [TWO, CLOSES],
    plant: (m) => m.drop("names/mark", "names/use", 3),
  },
  {
    name: "names: what a budget is called may go",
    scenarios: [TWO],
    plant: (m) => m.drop("names/mark", "names/use", 1),
  },
  {
    name: "names: what is kept is not looked at",
    scenarios: [TWO],
    plant(m) {
      m.answer(m.call("names/sweep", "memory/get32", 2), "i32", ["i32.const", "0"]);
    },
  },
];
