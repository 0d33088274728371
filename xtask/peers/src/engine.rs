//! What is measured of every engine.

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What the kernels are given; every engine gets the same.
pub const FIB: i64 = 30;
pub const BODY_STEPS: i64 = 500;
pub const NORM: i64 = 60;
pub const TEXT: i64 = 2000;

pub const FIB_RESULT: i64 = 832_040;
pub const TEXT_RESULT: i64 = 6893;

/// Sun, Jupiter, Saturn, Uranus, Neptune: place, speed and mass, in astronomical units, days and solar masses.
pub const BODIES: [f64; 35] = [
    0.0,
    0.0,
    0.0,
    0.0,
    0.0,
    0.0,
    39.478_417_604_357_43,
    4.841_431_442_464_72,
    -1.160_320_044_027_428_4,
    -0.103_622_044_471_123_11,
    0.606_326_392_995_832,
    2.811_986_844_916_26,
    -0.025_218_361_659_887_63,
    0.037_693_674_870_389_49,
    8.343_366_718_244_58,
    4.124_798_564_124_305,
    -0.403_523_417_114_321,
    -1.010_774_346_178_792_4,
    1.825_662_371_230_411_9,
    0.008_415_761_376_584_154,
    0.011_286_326_131_968_767,
    12.894_369_562_139_131,
    -15.111_151_401_698_631,
    -0.223_307_578_892_655_74,
    1.082_791_006_441_535_4,
    0.868_713_018_169_608_2,
    -0.010_832_637_401_363_636,
    0.001_723_724_057_059_712,
    15.379_697_114_850_917,
    -25.919_314_609_987_964,
    0.179_258_772_950_371_18,
    0.979_090_732_243_897_9,
    0.594_698_998_647_676_2,
    -0.034_755_955_504_078_1,
    0.002_033_686_869_924_631,
];

/// An engine with the kernels loaded.
pub trait Engine {
    fn name(&self) -> &'static str;
    fn successor(&mut self, n: i64) -> Result<i64>;
    fn echo(&mut self, text: &str) -> Result<String>;
    fn fib(&mut self) -> Result<i64>;
    /// `None` where the language has no way to say it.
    fn n_body(&mut self) -> Option<Result<f64>>;
    fn spectral_norm(&mut self) -> Option<Result<f64>>;
    fn text(&mut self) -> Option<Result<i64>>;
    /// From the source of one small function to a call of it.
    fn load(&mut self) -> Result<()>;
    /// From the source of `successor`, `echo`, `fib` and `text` to a call of the first. `None` where types are not checked.
    fn load_four(&mut self) -> Option<Result<()>> {
        None
    }
}
