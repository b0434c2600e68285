/* The angular sum of one particle over all pairs of its neighbours, for one xi and (zeta, lambda):
 *
 *   sum over j < k of exp(-(R_j^2 + R_k^2 + R_jk^2) / xi^2) (1 + lambda cos theta_jk)^zeta
 *
 * `vectors` (n, 3) from the particle to its neighbours, `r2` (n) their squared lengths, `work` room for 5 n doubles.
 * Compiled with -O3 -march=native -ffast-math, so that the inner loop calls the C library's vector exponential.
 */
#include <math.h>

double angular_sum(const double *vectors, const double *r2, long n, double steepness, long zeta, double lambda,
                   double *work)
{
    double *restrict x = work, *restrict y = work + n, *restrict z = work + 2 * n;
    double *restrict inverse = work + 3 * n, *restrict square = work + 4 * n;
    for (long j = 0; j < n; j++) {
        x[j] = vectors[3 * j];
        y[j] = vectors[3 * j + 1];
        z[j] = vectors[3 * j + 2];
        square[j] = r2[j];
        inverse[j] = 1.0 / sqrt(r2[j]);
    }
    double total = 0.0;
    for (long j = 1; j < n; j++) {
        const double xj = x[j], yj = y[j], zj = z[j], square_j = square[j], inverse_j = lambda * inverse[j];
        double sum = 0.0;
        if (zeta == 1) {
            for (long k = 0; k < j; k++) {
                double dot = xj * x[k] + yj * y[k] + zj * z[k];
                sum += exp(-steepness * (square_j + square[k] - dot)) * (1.0 + dot * inverse_j * inverse[k]);
            }
        } else if (zeta == 2) {
            for (long k = 0; k < j; k++) {
                double dot = xj * x[k] + yj * y[k] + zj * z[k], side = 1.0 + dot * inverse_j * inverse[k];
                sum += exp(-steepness * (square_j + square[k] - dot)) * side * side;
            }
        } else { /* zeta == 4 */
            for (long k = 0; k < j; k++) {
                double dot = xj * x[k] + yj * y[k] + zj * z[k], side = 1.0 + dot * inverse_j * inverse[k];
                side *= side;
                sum += exp(-steepness * (square_j + square[k] - dot)) * side * side;
            }
        }
        total += sum;
    }
    return total;
}
